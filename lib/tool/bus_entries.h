/*
 * Reading a plain Redis stream, one that other software fills: the commands and
 * what is answered.  An entry with a field data is that event, its other fields
 * as bus_append.h writes them; of any other the data is a JSON object of all its
 * fields.  The event's ID is the entry's, unless a field id says another.
 */
#ifndef BUS_ENTRIES_H
#define BUS_ENTRIES_H

#include "bus.h"

#define BUS_ENTRIES_MAX 256 /* that one answer holds */

/* What is known of a stream before it is read. */
struct bus_stream_info {
	struct place last; /* the newest entry that it ever had; zero: none */
	struct place
	    first; /* the oldest that it still has; zero: it is empty */
	uint64_t added, length; /* entries ever, and now */
};

/* XINFO STREAM.  A key that is not there is BUS_OK with all of *i zero. */
int bus_info_command(const char *key, struct bus_command *c);
enum bus_answer bus_info_answer(const redisReply *r, struct bus_stream_info *i);

/* Is the entry at place p there?  XRANGE key p p. */
int bus_at_command(const char *key, struct place p, struct bus_command *c);
enum bus_answer bus_at_answer(const redisReply *r, bool *there);

/*
 * What stands behind after: XREAD, waiting wait_ms for it in Redis.  With a
 * group (NULL: none) XREADGROUP for consumer: what nobody in the group has been
 * given; or, when pending, what consumer was given behind after and has not
 * acknowledged, without waiting.
 */
struct bus_read {
	const char *key;
	const char *group;
	const char *consumer;
	bool pending;
	int wait_ms;
};

int bus_read_command(
    const struct bus_read *b, struct place after, struct bus_command *c);
/* *n entries were read; 0: none in that time. */
enum bus_answer bus_read_answer(const redisReply *r, size_t *n);

/*
 * The ith of them.  json is room for its data.  Returns 0 with *ev and *place
 * set, which lie in r and json; 1 when the entry is gone (deleted, though
 * pending); -1 with ENOMEM.
 */
int bus_read_entry(const redisReply *r, size_t i, struct sse_buf *json,
    struct event *ev, struct place *place);

/* XGROUP CREATE at a place; zero: from now on.  That it is there is no fault. */
int bus_group_command(
    const char *key, const char *group, bool start, struct bus_command *c);
enum bus_answer bus_group_answer(const redisReply *r);

/*
 * XAUTOCLAIM: b's consumer takes over what any of its group was given, idle_ms
 * ago or earlier, and has not acknowledged, from a place on.  Redis 6.2 knows it.
 */
int bus_claim_command(const struct bus_read *b, int64_t idle_ms,
    struct place from, struct bus_command *c);
/* *n entries are taken over; *next is where to go on, zero when all is seen. */
enum bus_answer bus_claim_answer(
    const redisReply *r, struct place *next, size_t *n);
/* As bus_read_entry(); of one that is gone Redis 6.2 does not tell the place. */
int bus_claim_entry(const redisReply *r, size_t i, struct sse_buf *json,
    struct event *ev, struct place *place);

/* XACK of n entries. */
int bus_ack_command(const char *key, const char *group, const struct place *p,
    size_t n, struct bus_command *c);

#endif
