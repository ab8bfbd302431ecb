/*
 * One channel's log while a reader reads it: the page that attaching gave, and
 * the ones behind it.  Of use to reader_logs.c alone.
 */
#ifndef READER_LOG_H
#define READER_LOG_H

#include "bus.h"

struct reader_log {
	struct sse_text name;       /* borrowed */
	const redisReply *attached; /* borrowed: its log of number n there */
	size_t n;
	redisReply *reply;     /* a page of its own; NULL: that of attach */
	size_t next, count;    /* in the page */
	size_t asked;          /* entries, for this page */
	size_t bytes;          /* in it */
	size_t asked_ahead;    /* entries, for the next page */
	bool more;             /* there may be another page */
	struct bus_entry head; /* its next event, when has_head */
	bool has_head;
	struct place seen; /* up to here nothing of it is missing */
	struct place had;  /* its event that was handed out last */
};

/* It is to be read again; what was handed out of it stays known. */
void reader_log_forget(struct reader_log *l);

/* Begin with what attaching gave as log n, of which it asked for a PAGE. */
void reader_log_begin(
    struct reader_log *l, const redisReply *attached, size_t n);

/*
 * Make the next entry of the page the head; the page may be at its end.  What
 * stands behind limit is none, and the log then over.
 */
void reader_log_step(struct reader_log *l, struct place limit);

/* Ask for the next page, at any time; and take the answer, after this one. */
int reader_log_command(
    struct reader_log *l, const struct bus_conf *conf, struct bus_command *c);
enum bus_answer reader_log_turn(struct reader_log *l, redisReply *reply);

/* The log of channel among n; the first where there is none. */
struct reader_log *reader_log_of(
    struct reader_log *logs, size_t n, struct sse_text channel);

/*
 * Entries of a log in one reply: few at first, then as many as are a page, so
 * that what is held is bounded by bytes.
 */
#define READER_PAGE 32
#define READER_PAGE_MAX 256
#define READER_PAGE_BYTES ((size_t)512 << 10) /* of fields, about */

#endif
