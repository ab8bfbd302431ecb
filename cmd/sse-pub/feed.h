/*
 * Input into a sink: read, gather, send, in that order and for as long as there
 * is input, while the answers to batches sent are awaited.
 */
#ifndef FEED_H
#define FEED_H

#include "defaults.h"
#include "input.h"
#include "sink.h"

/* What is fed; all is borrowed. */
struct feed_conf {
	int fd;
	int stop_fd; /* when it can be read, the reading ends; -1: none */
	enum input_format format;
	size_t max_bytes;      /* of an event */
	struct sse_text split; /* what parts channel and data; empty: none */
	struct sse_text once;  /* as of sink_add() */
	bool unnumbered;       /* its lines are nothing to the user */
	/* Why an event may not be published, or NULL: as of event_fault(). */
	const char *(*fault)(const struct event *);
	const struct defaults *defaults;
};

struct feed;

/* NULL with ENOMEM. */
struct feed *feed_new(const struct feed_conf *conf, struct sink *s);
void feed_free(struct feed *f);

/*
 * Publish until the input ends or is at fault, stop_fd can be read, or
 * publishing fails.  Whatever was not published has been told on standard
 * error.  Returns an exit status.
 */
int feed_run(struct feed *f);

#endif
