/*
 * What the parts of a worker know of each other: worker.c has its loop,
 * worker_hear.c what it hears of the hub, worker_tell.c what it tells it.
 */
#ifndef WORKER_INNER_H
#define WORKER_INNER_H

#include "worker.h"

void worker_hear(struct worker *w, struct notice *n);

/* At the end of a turn: tell the hub what there is to tell. */
void worker_report(struct worker *w);

/* Serve one channel's readers; then what is dropped may go. */
void worker_serve_channel(struct worker *w, struct channel *ch);

/*
 * Serve all that has something new.  What stands beyond the horizon stays
 * marked, to be served when that is raised.
 */
void worker_serve(struct worker *w);

#endif
