/*
 * A tally: what a relay has done so far, for --stats and --metrics.  One thread
 * counts and others may look, each number by itself.
 */
#ifndef TALLY_H
#define TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sse.h"

struct event;

enum tally_what {
	TALLY_READ,          /* events that the source gave */
	TALLY_BYTES,         /* of data, in those */
	TALLY_TAKEN,         /* events that the sink has taken */
	TALLY_LOOPS,         /* dropped: been here before */
	TALLY_EXPIRED,       /* dropped */
	TALLY_BAD,           /* passed over: they cannot be published */
	TALLY_FILTERED,      /* for which the filter had no answer */
	TALLY_GAPS,          /* of the source */
	TALLY_SOURCE_LOST,   /* connections */
	TALLY_SOURCE_OPENED, /* connections */
	TALLY_REWINDS,       /* the sink stood elsewhere */
	TALLY_KINDS
};

struct tally {
	_Atomic uint64_t of[TALLY_KINDS];
	_Atomic uint64_t waiting; /* taken, and not delivered yet */
	_Atomic bool source_open;
	_Atomic bool held; /* the source is not read: the sink has no room */
	_Atomic int64_t newest_ms; /* of the newest place delivered; 0: none */
	int64_t began_ms;          /* clock_mono_ms() */
};

static inline void
tally_add(struct tally *t, enum tally_what what, uint64_t n)
{
	/* One thread counts, so nothing has to be locked for it. */
	atomic_store_explicit(&t->of[what],
	    atomic_load_explicit(&t->of[what], memory_order_relaxed) + n,
	    memory_order_relaxed);
}

static inline uint64_t
tally_of(struct tally *t, enum tally_what what)
{
	return atomic_load_explicit(&t->of[what], memory_order_relaxed);
}

/* An event was read; if its ID is a place, that says how old it is. */
void tally_read(struct tally *t, const struct event *ev);

/* One line for people.  Returns buf. */
const char *tally_line(struct tally *t, int64_t now_mono_ms,
    int64_t now_unix_ms, char *buf, size_t cap);

/*
 * Prometheus text, each metric with a label relay that is name.  -1 with ENOMEM.
 */
int tally_metrics(
    struct tally *t, const char *name, int64_t now_unix_ms, struct sse_buf *b);

#endif
