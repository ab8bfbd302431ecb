/*
 * A source: where events come from.  One that is resumable knows a mark, from
 * which it can go on: in a later run, or after the sink turned out to be
 * elsewhere.  The caller waits and pulls events.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <poll.h>
#include <stdbool.h>

#include "bus.h"
#include "endpoint.h"
#include "follow.h"
#include "input.h"

enum source_what {
	SOURCE_WAIT,  /* nothing now: wait, then call again */
	SOURCE_EVENT, /* *ev is an event, good until the next call */
	SOURCE_GAP,   /* events are lost: *ev says it, say() tells of it */
	SOURCE_OPEN,  /* connected, first or again */
	SOURCE_LOST,  /* out of reach; it is tried again */
	SOURCE_END,   /* there is no more */
	SOURCE_FAULT, /* for good: status() and say() tell why */
};

struct source;

struct source_ops {
	/* Do what can be done without waiting. */
	enum source_what (*next)(struct source *s, struct event *ev);
	/*
	 * Wait, at most timeout_ms (-1: as long as it takes), until next() may
	 * have more or one of n descriptors is ready.  Returns as poll().
	 */
	int (*wait)(struct source *s, struct pollfd *extra, unsigned int n,
	    int timeout_ms);
	/* Up to where everything was handed out; empty: unknown.  May be NULL. */
	struct sse_text (*mark)(struct source *s);
	/* A key that tells the event handed out last from others; may be NULL. */
	struct sse_text (*once)(struct source *s);
	/* All up to mark is where it was to go; may be NULL. */
	void (*taken)(struct source *s, struct sse_text mark);
	/* Go back: what stands behind mark comes next.  -1 with ENOMEM. */
	int (*rewind)(struct source *s, struct sse_text mark);
	/*
	 * Read no more, and hand out what was read.  NULL: what was read can
	 * be read again.
	 */
	void (*stop)(struct source *s);
	/* After GAP, LOST and FAULT: one line, good until the next call. */
	const char *(*say)(struct source *s);
	/* Where the event handed out last came from, for messages; as good. */
	const char *(*where)(struct source *s);
	int (*status)(struct source *s); /* after FAULT: an exit status */
	void (*free)(struct source *s);
};

struct source {
	const struct source_ops *ops;
	bool
	    resumable; /* what was read can be read again, by mark and rewind */
};

/*
 * All of them.  NULL with ENOMEM.  All arguments are borrowed; mark is
 * where to start, empty for now.  With all, mark is SOURCE_REDIS_START because
 * all that is kept is wanted, and what is not kept is no gap.  http is how to
 * ask: its headers, setup and arg.
 */
struct source *source_http_new(const struct endpoint *e,
    const struct follow_conf *http, struct sse_text mark, size_t max_bytes);
struct source *source_redis_new(const struct endpoint *e,
    const struct endpoint_pair *p, const struct bus_conf *bus,
    struct sse_text mark, bool all);
struct source *source_input_new(enum input_format format, size_t max_bytes);
/* consumer: by which name a group knows it. */
struct source *source_stream_new(const struct endpoint *e, const char *consumer,
    struct sse_text mark, bool all);

/* The mark in front of all that a Redis has, or will have when it is empty. */
#define SOURCE_REDIS_START "0-1"

#endif
