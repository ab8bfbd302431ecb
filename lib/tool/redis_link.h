/*
 * One connection to Redis, every wait of it bounded, for programs that do one
 * thing at a time (sse-pub, sse-relay).  The program ignores SIGPIPE.
 */
#ifndef REDIS_LINK_H
#define REDIS_LINK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "bus.h"
#include "redis_url.h"

struct redis_link;

enum redis_link_state {
	REDIS_LINK_OK,
	REDIS_LINK_DOWN, /* cannot be reached, or broke off; may be tried again */
	REDIS_LINK_BUSY,    /* it says that it is; may be tried again */
	REDIS_LINK_DENIED,  /* authentication or permission */
	REDIS_LINK_CONFIG,  /* a cluster, and the prefix has no hash tag */
	REDIS_LINK_BAD,     /* it answers, but not as Redis does */
	REDIS_LINK_STARVED, /* memory ran out here */
};

/* May it be tried again?  What goes on for long then does so. */
bool redis_link_passes(enum redis_link_state state);

/* What a program that ends because of it ends with (sysexits.h). */
int redis_link_status(enum redis_link_state state);

/* No connection yet.  u is borrowed.  NULL with ENOMEM. */
struct redis_link *redis_link_new(const struct redis_url *u);
void redis_link_free(struct redis_link *l);

/*
 * Be where the names with this prefix are: in a Redis Cluster the link follows
 * them from node to node.  It borrows prefix.
 */
void redis_link_set_home(struct redis_link *l, const char *prefix);

/*
 * From now on a wait that a signal interrupts ends, REDIS_LINK_DOWN, when *stop
 * is set, so that a program that was told to end does.  NULL: waits go on.
 */
void redis_link_set_stop(
    struct redis_link *l, const volatile sig_atomic_t *stop);

/*
 * Ask the sentinels, if there are some, and connect, authenticate, select the
 * database, and see that it answers and is the right one; nothing when it is
 * connected.  Gives up at deadline_ms of clock_mono_ms().  (Looking
 * up a name is bounded by the resolver's own time-outs.)
 *
 * Of this and all below: after anything but REDIS_LINK_OK there is no
 * connection any more, what was queued is forgotten, and redis_link_fault()
 * says why.
 */
enum redis_link_state redis_link_open(
    struct redis_link *l, int64_t deadline_ms);
void redis_link_close(struct redis_link *l);

/*
 * Queue a command; it leaves with the next redis_link_flush(),
 * redis_link_reply() or redis_link_poll().  It copies c.
 */
enum redis_link_state redis_link_send(
    struct redis_link *l, const struct bus_command *c);
enum redis_link_state redis_link_flush(
    struct redis_link *l, int64_t deadline_ms);

/* As redis_link_send(), of commands that are bytes of the protocol already. */
enum redis_link_state redis_link_send_bytes(
    struct redis_link *l, const void *p, size_t len);

/*
 * WAIT until as many replicas have what this connection has written, for ms at
 * most (above 0); *r, to be freed, says how many have.
 */
enum redis_link_state redis_link_wait(struct redis_link *l,
    unsigned int replicas, int64_t ms, int64_t deadline_ms, redisReply **r);

/*
 * Of a link that is opened after this, replies are redis_reply_free()'s to free:
 * for those that read many parts.
 */
void redis_link_set_pool(struct redis_link *l);

/* The next reply, to be freed with freeReplyObject(). */
enum redis_link_state redis_link_reply(
    struct redis_link *l, redisReply **r, int64_t deadline_ms);

/*
 * A reply that is there without waiting: *r NULL when there is none.  What was
 * queued leaves as far as it can without waiting.
 */
enum redis_link_state redis_link_poll(struct redis_link *l, redisReply **r);

/* What to poll; -1: not connected.  events: POLLIN, and POLLOUT when due. */
int redis_link_fd(const struct redis_link *l);
short redis_link_events(const struct redis_link *l);

/* What went wrong, with the URL (no password) and the remedy. */
const char *redis_link_fault(const struct redis_link *l);

/*
 * What an answer that is no BUS_OK means to the connection's user, with
 * redis_link_fault() set from the reply: REDIS_LINK_DENIED for BUS_DENIED,
 * REDIS_LINK_BUSY for BUS_BUSY, REDIS_LINK_CONFIG for BUS_SPLIT, else
 * REDIS_LINK_BAD.  It stays connected, unless this is not the master, or
 * not the right one (BUS_MOVED: REDIS_LINK_DOWN): the next redis_link_open()
 * then goes to the other one.
 */
enum redis_link_state redis_link_refused(
    struct redis_link *l, enum bus_answer answer, const redisReply *r);

/*
 * Send batch and await its answer by deadline_ms, reconnecting and sending it
 * again as often as it takes: its producer number, its relay's mark or keys of
 * --once keep it from doubling.  Nothing else may be on its way on l.
 *
 * When REDIS_LINK_OK, *answer is BUS_OK, BUS_MARK_MOVED, BUS_ORDER or
 * BUS_REFUSED, the last two with redis_link_fault() set; minted (NULL: not
 * asked) and *mark (likewise) are as of bus_batch_answer(), lying in *reply,
 * which is then the caller's to free.  A Redis that is busy is REDIS_LINK_BUSY
 * once the time is up.
 */
enum redis_link_state redis_link_publish(struct redis_link *l,
    const struct bus_batch *batch, int64_t deadline_ms, enum bus_answer *answer,
    struct bus_minted *minted, redisReply **reply, struct sse_text *mark);

#endif
