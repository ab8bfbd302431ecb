/*
 * What the parts of a worker know of each other: worker.c has its loop,
 * worker_hear.c what it hears of the hub.
 */
#ifndef WORKER_INNER_H
#define WORKER_INNER_H

#include "worker.h"

void worker_hear(struct worker *w, struct notice *n);

/* Serve one channel's readers; then what is dropped may go. */
void worker_serve_channel(struct worker *w, struct channel *ch);

/*
 * Serve all that has something new.  What stands beyond the horizon stays
 * marked, to be served when that is raised.
 */
void worker_serve(struct worker *w);

/* The server is stopped: its streams are told to end, one after the other. */
void worker_stop(struct worker *w);

#endif
