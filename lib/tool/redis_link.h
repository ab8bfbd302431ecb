/*
 * One blocking connection to Redis, every wait of it bounded, for programs that
 * do one thing at a time (sse-pub, sse-relay).
 */
#ifndef REDIS_LINK_H
#define REDIS_LINK_H

#include <stdint.h>

#include <hiredis/hiredis.h>

#include "bus.h"
#include "redis_url.h"

struct redis_link;

enum redis_link_state {
	REDIS_LINK_OK,
	REDIS_LINK_DOWN, /* cannot be reached, or broke off; may be tried again */
	REDIS_LINK_DENIED, /* authentication or permission */
	REDIS_LINK_BAD,    /* it answers, but not as Redis does */
};

/* No connection yet.  u is borrowed.  NULL with ENOMEM. */
struct redis_link *redis_link_new(const struct redis_url *u);
void redis_link_free(struct redis_link *l);

/*
 * Connect, authenticate, select the database; nothing when it is connected.
 * Gives up at deadline_ms of clock_mono_ms().
 */
enum redis_link_state redis_link_open(
    struct redis_link *l, int64_t deadline_ms);
void redis_link_close(struct redis_link *l);

/* Queue a command; it leaves with the next redis_link_flush() or redis_link_reply(). */
enum redis_link_state redis_link_send(
    struct redis_link *l, const struct bus_command *c);
enum redis_link_state redis_link_flush(
    struct redis_link *l, int64_t deadline_ms);

/* The next reply, to be freed with freeReplyObject(). */
enum redis_link_state redis_link_reply(
    struct redis_link *l, redisReply **r, int64_t deadline_ms);

/* A reply that is there without waiting: *r NULL when there is none. */
enum redis_link_state redis_link_poll(struct redis_link *l, redisReply **r);

int redis_link_fd(
    const struct redis_link *l); /* -1: not connected; to poll for reading */

/* What went wrong, with the URL (no password) and the remedy. */
const char *redis_link_fault(const struct redis_link *l);

/*
 * Send batch and await its answer by deadline_ms, reconnecting and sending it
 * again as often as it takes: its producer number keeps it from doubling.
 * minted as in bus_batch_answer(); *mark (NULL: not asked) is the caller's to
 * free.  When REDIS_LINK_OK, *answer tells.
 */
enum redis_link_state redis_link_publish(struct redis_link *l,
    const struct bus_batch *batch, int64_t deadline_ms, enum bus_answer *answer,
    struct bus_minted *minted, redisReply **reply, struct sse_text *mark);

#endif
