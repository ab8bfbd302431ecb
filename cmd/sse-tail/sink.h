/*
 * Where events go: selected, counted, printed or given to --exec.
 */
#ifndef SINK_H
#define SINK_H

#include "command.h"
#include "options.h"
#include "stats.h"

#define GO_ON (-1) /* no exit status yet */
#define STATUS_UNMET 1
#define STATUS_GAP 80

struct sink {
	const struct options *o;
	struct sse_buf out;     /* owned: what is to be written */
	struct sse_buf scratch; /* owned */
	unsigned long long count;
	bool many;                 /* sink_many() may be used */
	struct output_context ctx; /* now_ms of this turn; 0: not looked up */
	bool met;                  /* --until */
	bool refused;              /* --exec failed for the last event */
	bool broken;               /* a flush could not write it all */
	struct command_conf command;
	struct stats stats;
	void (*gone)(
	    void *arg); /* before the program ends for want of a reader */
	void *arg;
};

void sink_begin(struct sink *k, const struct options *o);
void sink_free(struct sink *k);

/*
 * Take an event that came from url; d has its further fields.  Returns an exit
 * status that is to be the program's, or GO_ON.
 */
int sink_event(struct sink *k, const struct event *ev,
    const struct sse_decoder *d, const char *url);

/*
 * How many events may be given by sink_many(), of which only the data matters;
 * 0: it wants to see each one.
 */
unsigned long long sink_room(const struct sink *k);
int sink_many(struct sink *k, const struct sse_event *ev, size_t n);

/* The same for a block that dispatches no event. */
void sink_block(struct sink *k, const struct event *ev,
    const struct sse_decoder *d, const char *url);

/*
 * Write what there is, before a wait.  False: a signal came, and not all that
 * was given so far could be written.
 */
bool sink_flush(struct sink *k);

/* The exit status when time is up, said where it is no success. */
int sink_time_is_up(const struct sink *k);

#endif
