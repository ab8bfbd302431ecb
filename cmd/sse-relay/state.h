/*
 * A state file: where a relay stands whose sink keeps no mark, for the next run,
 * and the batch that was on its way, so that the next run sends the very same
 * one first.  It is replaced whole (temporary file, fsync, rename) and locked as
 * long as it is open.
 */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "sse.h"

#define STATE_MS 1000 /* a mark alone is written no more often */

struct state;

/* What was on its way. */
struct state_flight {
	struct sse_text to;       /* the mark behind it */
	struct sse_text producer; /* whose batch */
	struct sse_text url;      /* where it goes */
	uint64_t number;          /* which; 0: none is on its way */
	struct sse_text body;
};

/*
 * Open it for the relay name; a file that is not there is made.  Returns 0 with
 * *s set; else an exit status, with *why a text to be freed (NULL: ENOMEM).
 */
int state_open(
    struct state **s, const char *path, const char *name, char **why);
void state_free(struct state *s);

/* As it was read or set; empty: none. */
struct sse_text state_mark(const struct state *s);

/* As it was read; good until the next state_set_flight() or state_landed(). */
struct state_flight state_flight(const struct state *s);

/* The mark moves, to be written with the next state_sync().  -1 with ENOMEM. */
int state_set_mark(struct state *s, struct sse_text mark);

/* Of those below: -1 with state_fault() set. */

/* f is about to leave: it is written at once. */
int state_set_flight(struct state *s, const struct state_flight *f);

/* It has arrived: the mark is where it was to go. */
int state_landed(struct state *s);

/* Write what has changed, when it is time or now. */
int state_sync(struct state *s, bool now);

/* How long until state_sync() has something to do; -1: nothing. */
int state_due_ms(const struct state *s);

const char *state_fault(const struct state *s);

#endif
