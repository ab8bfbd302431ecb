/*
 * The replay log of one channel in memory: messages in the order of their
 * places, and the place up to which they have been dropped.  A cursor into it
 * is a place, so nothing here knows who reads.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stddef.h>

#include "message.h"

struct replay {
	struct message **ring;
	size_t cap; /* a power of two, or 0; it shrinks with the log */
	size_t head;
	size_t count;
	size_t bytes;         /* cost of the messages kept */
	struct place dropped; /* the highest dropped; zero: none was */
	struct place high;    /* of the newest of priority high, kept or not */
};

void replay_init(struct replay *r);
void replay_clear(struct replay *r); /* drops all, releases the memory */

/*
 * Append m, taking the caller's reference.  Its place is above those kept, else
 * it is dropped as one that is there already.  -1 with ENOMEM: not taken.
 */
int replay_append(struct replay *r, struct message *m);

/* Drop the oldest one; drop all up to p. */
void replay_drop_oldest(struct replay *r);
void replay_drop_to(struct replay *r, struct place p);

/* The i-th message kept, 0 being the oldest. */
static inline struct message *
replay_at(const struct replay *r, size_t i)
{
	return r->ring[(r->head + i) & (r->cap - 1)];
}

/* The index of the first message behind p; count when there is none. */
size_t replay_after(const struct replay *r, struct place p);

/* The newest message whose ID on the wire is id; NULL: none is kept. */
const struct message *replay_find(const struct replay *r, struct sse_text id);

/* The place of the newest, kept or dropped; zero: there was none. */
struct place replay_last(const struct replay *r);

#endif
