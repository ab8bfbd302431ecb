/*
 * The streams that are to be pulled, first come, first served, each in it once.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include "stream.h"

struct queue {
	struct stream *first, **last; /* by stream->next */
};

void queue_begin(struct queue *q);
void queue_put(struct queue *q, struct stream *s);

/* The first, which is in it no more; NULL: there is none. */
struct stream *queue_take(struct queue *q);

#endif
