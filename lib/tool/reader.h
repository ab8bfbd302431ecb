/*
 * Reading channels from Redis behind a cursor: attach, log, live, in the one
 * order of places, and again after every lost link.  For sse-relay; the caller
 * waits and pulls events.
 *
 * Connecting, attaching and reading a page of a log are done within
 * reader_next(), each bounded by READER_TIMEOUT_MS; waiting for live events
 * is up to reader_wait().
 */
#ifndef READER_H
#define READER_H

#include <poll.h>
#include <signal.h>

#include "bus.h"
#include "redis_url.h"

#define READER_TIMEOUT_MS 5000
#define READER_QUIET_MS 5000 /* silence after which the link is probed */
#define READER_EXTRA_MAX 14  /* descriptors that reader_wait() takes */

struct reader;

enum reader_what {
	READER_WAIT,  /* nothing now: reader_wait(), then call again */
	READER_EVENT, /* *e is an event, good until the next call */
	READER_GAP,   /* events behind the cursor are lost: e->prev says after
			 what, e->place the next one kept (zero: none yet) */
	READER_OPEN,  /* attached, first or again */
	READER_LOST,  /* the link is gone, or was not to be had at first; it is
			 tried again, reader_fault() says what happened */
	READER_FAULT, /* for good: reader_fault() says why */
};

/*
 * Read u's channels, of which there is one at least, behind after; zero: from
 * now on; 0-1: from the beginning of any history, so that the gap is only what
 * a log has lost.  conf and u are borrowed.  NULL with ENOMEM.
 */
struct reader *reader_new(
    const struct bus_conf *conf, const struct redis_url *u, struct place after);
void reader_free(struct reader *r);

/* As redis_link_set_stop(): what is said of an interrupted wait is LOST. */
void reader_set_stop(struct reader *r, const volatile sig_atomic_t *stop);

/*
 * How long the link may be silent until it is probed, and how long to wait for
 * any answer; by default READER_QUIET_MS and READER_TIMEOUT_MS.
 */
void reader_set_patience(struct reader *r, int quiet_ms, int timeout_ms);

enum reader_what reader_next(struct reader *r, struct bus_entry *e);

/*
 * Wait until there may be something to do, at most timeout_ms (-1: as long as
 * it takes), or until one of the n extra descriptors is ready, whose revents
 * are then set.  Returns as poll(); EINTR is returned.
 */
int reader_wait(
    struct reader *r, struct pollfd *extra, unsigned int n, int timeout_ms);

/* The place up to which everything was handed out; zero: not attached yet. */
struct place reader_place(const struct reader *r);

/* Go back: what stands behind p comes next. */
void reader_rewind(struct reader *r, struct place p);

/* After LOST or FAULT: what to end with because of it, an exit status. */
int reader_status(const struct reader *r);
const char *reader_fault(const struct reader *r);

#endif
