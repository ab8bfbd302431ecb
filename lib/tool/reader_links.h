/*
 * The two links of a reader: one subscribed, one for commands; and whether the
 * first is alive.  Of use to reader.c alone.
 */
#ifndef READER_LINKS_H
#define READER_LINKS_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "redis_link.h"

struct reader_links;

/* No connection yet.  conf and u are borrowed.  NULL with ENOMEM. */
struct reader_links *reader_links_new(
    const struct bus_conf *conf, const struct redis_url *u);
void reader_links_free(struct reader_links *l);

void reader_links_set_stop(
    struct reader_links *l, const volatile sig_atomic_t *stop);
/* How long silence may last, and how long an answer. */
void reader_links_set_patience(
    struct reader_links *l, int quiet_ms, int timeout_ms);

/*
 * Connect both and SUBSCRIBE to the n channels.  Of this and what follows:
 * after anything but REDIS_LINK_OK both are closed, and reader_links_fault()
 * says why.
 */
enum redis_link_state reader_links_open(
    struct reader_links *l, const struct sse_text *channels, size_t n);
void reader_links_close(struct reader_links *l);
const char *reader_links_fault(const struct reader_links *l);
/* The user ran out of memory: as that of a failed link. */
enum redis_link_state reader_links_starve(struct reader_links *l);

/*
 * Send c, whose making returned made (-1: ENOMEM), on the command link and await
 * its answer, which is the caller's to free with redis_reply_free().  It takes c.
 */
enum redis_link_state reader_links_ask(
    struct reader_links *l, int made, struct bus_command *c, redisReply **r);

/*
 * As reader_links_ask(), but without waiting: reader_links_answer() awaits the
 * answer, before anything else is asked, or reader_links_forget() says that
 * nobody wants it.
 */
enum redis_link_state reader_links_ahead(
    struct reader_links *l, int made, struct bus_command *c);
enum redis_link_state reader_links_answer(
    struct reader_links *l, redisReply **r);
void reader_links_forget(struct reader_links *l);

/* The answer r is not what it should be: as that of a failed link. */
enum redis_link_state reader_links_refused(
    struct reader_links *l, enum bus_answer answer, const redisReply *r);

/* Attach: as bus_attach_command().  The marker it sends is to pass. */
enum redis_link_state reader_links_attach(struct reader_links *l,
    const struct sse_text *channels, size_t n, struct place after,
    unsigned int count, redisReply **r);
/* Has the marker of the last attach passed? */
bool reader_links_passed(const struct reader_links *l);

/*
 * What came on the Pub/Sub link, the caller's; NULL: nothing, and the link was
 * probed when it is due.
 */
enum redis_link_state reader_links_message(
    struct reader_links *l, redisReply **r);
/* The message was a marker. */
void reader_links_marker(struct reader_links *l);
/* Silence counts from now on. */
void reader_links_listen(struct reader_links *l);

/* When reader_links_message() has to be called whatever comes. */
int64_t reader_links_due_ms(const struct reader_links *l);
void reader_links_poll(const struct reader_links *l, struct pollfd fds[2]);

#endif
