/*
 * What sink_redis.c and sink_redis_mark.c share, and nobody else sees.
 */
#ifndef SINK_REDIS_INNER_H
#define SINK_REDIS_INNER_H

#include "flight.h"
#include "outage.h"
#include "redis_link.h"
#include "sink.h"

struct sink_redis {
	struct sink sink; /* first, so that a sink is one of these */
	struct sink_redis_conf conf;
	struct redis_link *link;
	struct flights flights;
	size_t out;   /* so many of those launched are on the connection */
	bool warm;    /* it has run the script: more than one may be out */
	bool started; /* it was connected once */
	bool connected;
	bool rewind;       /* the source is to go back */
	int64_t sent_ms;   /* when a batch left, or was answered */
	int64_t moved_ms;  /* when the last batch was launched */
	int64_t rewind_ms; /* when to, if rewind says so */
	struct outage outage;
	unsigned int refused; /* batches, in a row */
	int status;
	char say[512];
};

/* For good: why, and the exit status. */
enum sink_what sink_redis_fault(
    struct sink_redis *sr, int status, const char *why);

enum sink_what sink_redis_nomem(struct sink_redis *sr);

/* Redis cannot be worked with now, as state says; why names it. */
enum sink_what sink_redis_away(
    struct sink_redis *sr, enum redis_link_state state, const char *why);

/* It is back, which is said when it was away. */
void sink_redis_here(struct sink_redis *sr);

/* The connection failed in that manner. */
enum sink_what sink_redis_link_failed(
    struct sink_redis *sr, enum redis_link_state state);

/* The answer r is not what it should be. */
enum sink_what sink_redis_refused(
    struct sink_redis *sr, enum bus_answer answer, const redisReply *r);

/* The mark that Redis has is not the one that was thought. */
enum sink_what sink_redis_mark_differs(
    struct sink_redis *sr, struct sse_text now, bool loud);

/* Connect when it is time to, and see where the mark stands. */
enum sink_what sink_redis_reconnect(struct sink_redis *sr);

/* Send the source back to where the mark stands now. */
enum sink_what sink_redis_rewind_now(struct sink_redis *sr);

/* The first connection: what fails here is told and not tried again. */
enum sink_what sink_redis_open_first(struct sink_redis *sr);

#endif
