/*
 * A sink: where events go.  It gathers events, delivers them in step(), and
 * remembers with them the mark of the source that they came from.
 */
#ifndef SINK_H
#define SINK_H

#include <poll.h>
#include <stdbool.h>

#include "cargo.h"
#include "endpoint.h"
#include "follow.h"
#include "output.h"
#include "state.h"

enum sink_what {
	SINK_OK,
	SINK_REWIND, /* what it had not delivered is dropped: the source is to
			go on from mark() */
	SINK_FAULT,  /* for good: status() and say() tell why */
};

struct sink;

struct sink_ops {
	/* Deliver what can be delivered now. */
	enum sink_what (*step)(struct sink *k);
	/* Is there room for ev?  When not, step() and wait. */
	bool (*room)(struct sink *k, const struct event *ev);
	/*
	 * Take a copy of ev; once is a key under which it is to be there once,
	 * should the sink know of such; or empty.  -1 with ENOMEM.
	 */
	int (*add)(
	    struct sink *k, const struct event *ev, struct sse_text once);
	/* Everything of the source up to mark has been added or passed over. */
	int (*advance)(struct sink *k, struct sse_text mark);
	/* Up to where everything has been delivered; empty: unknown. */
	struct sse_text (*done)(struct sink *k);
	/* Where the source is to go on, at first and at SINK_REWIND; empty: now. */
	struct sse_text (*mark)(struct sink *k);
	/* What to wait for, at most how long (-1: for ever), before step(). */
	int (*wants)(struct sink *k, struct pollfd *p);
	/* What the wait for it gave. */
	void (*woken)(struct sink *k, short revents);
	/* Is there nothing left to do but to take more? */
	bool (*settled)(struct sink *k);
	/* How many events are not delivered yet. */
	size_t (*waiting)(struct sink *k);
	const char *(*say)(struct sink *k);
	int (*status)(struct sink *k); /* an exit status */
	void (*free)(struct sink *k);
};

struct sink {
	const struct sink_ops *ops;
	bool gaps;      /* it takes gaps (gap.h), too */
	bool marked;    /* it keeps the mark for a later run, and has mark() */
	size_t refused; /* events that it could not deliver, as was said */
};

struct sink_redis_conf {
	const struct endpoint *to;
	struct cargo_kind cargo;
	const char *name;   /* whose mark to keep; NULL: none */
	int64_t timeout_ms; /* away for so long is for good; 0: never */
	int verbose;
};

/*
 * One that connects to Redis and reads the mark.  Returns 0; else an exit
 * status, with *k to ask for what to say, or NULL for lack of memory.
 */
int sink_redis_new(struct sink **k, const struct sink_redis_conf *conf);

/*
 * Standard output; out is taken.  What was written is noted in state (NULL:
 * none).  gaps: its format shows them as such.  NULL with ENOMEM: out is not.
 */
struct sink *sink_output_new(
    struct output *out, const char *url, bool gaps, struct state *state);

struct sink_http_conf {
	const struct endpoint *to;
	const struct follow_conf *http; /* its headers, setup and arg */
	struct state *state;            /* borrowed; NULL: none */
	const char *name;
	size_t batch_bytes; /* a batch is sent when it is as large */
	int64_t timeout_ms; /* as of sink_redis_conf */
	int verbose;
};

/* POST to a server.  NULL with ENOMEM. */
struct sink *sink_http_new(const struct sink_http_conf *conf);

#endif
