/*
 * What relay.c and relay_give.c share, and nobody else sees.
 */
#ifndef RELAY_INNER_H
#define RELAY_INNER_H

#include "mark.h"
#include "relay.h"

/* What changes while it runs. */
struct run {
	const struct relay *r;
	struct event ev;   /* handed out, but there was no room for it */
	struct event *gap; /* owned: to go with the next event */
	bool held;         /* there is such an event */
	bool drained;      /* the source has ended, the filter not yet */
	bool ending;       /* nothing more is read; then the status */
	int status;
	bool refused;   /* the sink could not deliver some events */
	bool lost;      /* the source is out of reach, and this was said */
	bool loop_told; /* that an event had been here before */
	bool ready_told, end_told;
	struct mark done;    /* what the source was told of */
	int64_t deadline_ms; /* after a signal; else far away */
	int64_t alive_ms;    /* when to say next that all is well */
};

/* Read no more, and end with status once all is delivered. */
void run_end(struct run *run, int status);

void run_nomem(struct run *run);

/* Where the event at hand came from, for messages. */
const char *run_where(const struct run *run);

struct sse_text run_source_mark(const struct run *run);

/* Everything of the source up to mark is given or passed over. */
void run_advance_to(struct run *run, struct sse_text mark);

/* The source has handed out all up to its mark. */
void run_advance(struct run *run);

/* Is it to be carried?  What is not is counted. */
bool run_wanted(struct run *run, const struct event *ev);

/* A gap that was kept goes in front of next (NULL: of nothing yet). */
void run_give_gap(struct run *run, const struct event *next);

/* ev is a gap, to be given with what comes next. */
void run_keep_gap(struct run *run, const struct event *ev);

/* The event that is held goes into the sink, which has room for it. */
void run_carry(struct run *run);

#endif
