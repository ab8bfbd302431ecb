/*
 * What becomes of a POST in the hub: its events are published, here or in
 * Redis, unless it comes again, and the worker that has it is told.
 */
#ifndef POSTING_H
#define POSTING_H

#include "sse.h"

struct hub;
struct post;

/* Takes p, as posting_written() and posting_done() do with its last event. */
void posting_hear(struct hub *h, struct post *p);

/* One of its events is published here, as id; with a journal, later. */
void posting_written(struct hub *h, struct post *p, struct sse_text id);

/*
 * p is published, or refused.  Where it is asked how many it has reached it goes
 * round the workers, whose subscribers those are, before it is answered.
 */
void posting_done(struct hub *h, struct post *p);

#endif
