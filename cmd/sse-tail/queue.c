#include "queue.h"

void
queue_begin(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

void
queue_put(struct queue *q, struct stream *s)
{
	if (s->queued)
		return;
	s->queued = true;
	s->next = NULL;
	*q->last = s;
	q->last = &s->next;
}

struct stream *
queue_take(struct queue *q)
{
	struct stream *s = q->first;

	if (s == NULL)
		return NULL;
	if ((q->first = s->next) == NULL)
		q->last = &q->first;
	s->queued = false;
	return s;
}
