/*
 * Reading channels from Redis behind a cursor: attach, log, live, in the one
 * order of places, and again after every lost link.  For sse-relay; the caller
 * waits and pulls events.
 */
#ifndef READER_H
#define READER_H

#include <poll.h>

#include "bus.h"
#include "redis_url.h"

struct reader;

enum reader_what {
	READER_WAIT,  /* nothing now: poll, then call again */
	READER_EVENT, /* *e is an event, good until the next call */
	READER_GAP,   /* events behind the cursor are lost: e->prev says after
			 what, e->place the oldest kept (zero: none) */
	READER_OPEN,  /* attached, first or again */
	READER_LOST,  /* the link is gone; it will be tried again */
	READER_FAULT, /* for good: reader_fault() says why */
};

/*
 * Read u's channels behind after; zero: from now on.  conf and u are borrowed.
 * NULL with ENOMEM.
 */
struct reader *reader_new(
    const struct bus_conf *conf, const struct redis_url *u, struct place after);
void reader_free(struct reader *r);

enum reader_what reader_next(struct reader *r, struct bus_entry *e);

/* As follow_wait(). */
int reader_wait(
    struct reader *r, struct pollfd *extra, unsigned int n, int timeout_ms);

/* The place up to which everything was handed out. */
struct place reader_place(const struct reader *r);
/* Go back: what stands behind p comes next. */
void reader_rewind(struct reader *r, struct place p);

int reader_status(const struct reader *r); /* after FAULT: an exit status */
const char *reader_fault(const struct reader *r);

#endif
