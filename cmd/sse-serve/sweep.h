/*
 * All connections of a worker, in slots that are swept in turn, so that one
 * timer serves all of them and what they need comes spread over the interval;
 * and those that are in a hurry (a request that must be sent in time), in the
 * order of their deadlines.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <sys/queue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWEEP_SLOTS 64
#define SWEEP_SLOT_MAX ((UINT32_C(1) << 26) - 1) /* connections in one */

struct conn;

struct sweep_slot {
	struct conn **v;
	uint32_t n, cap;
};

/* Where a connection stands; part of struct conn. */
struct sweep_at {
	uint32_t slot : 6;
	uint32_t index : 26;
};

/* Part of what a connection has only while it is in a hurry. */
struct hurry {
	TAILQ_ENTRY(hurry) entry;
	double deadline; /* of the loop's clock */
	struct conn *conn;
};

TAILQ_HEAD(hurry_list, hurry);

struct sweep {
	struct sweep_slot slots[SWEEP_SLOTS];
	unsigned int next; /* slot to be swept */
	unsigned int fill; /* slot that the next connection joins */
	uint32_t ticks;    /* slots swept so far; goes round */
	size_t n;
	struct hurry_list hurried;
};

void sweep_init(struct sweep *s);
void sweep_free(struct sweep *s); /* its connections are freed already */

/* -1 with ENOMEM. */
int sweep_add(struct sweep *s, struct conn *c, struct sweep_at *at);
void sweep_remove(struct sweep *s, const struct sweep_at *at);

/*
 * Call fn for each connection of the next slot, or of all; it may remove that
 * very connection.
 */
void sweep_next(struct sweep *s, void (*fn)(struct conn *));
void sweep_all(struct sweep *s, void (*fn)(struct conn *));

/*
 * Walk through all connections a step at a time, whatever comes and goes in
 * between: each that was there at the beginning is met, some of them twice,
 * or has gone.  Begins with zeroes; NULL: no more.
 */
struct sweep_walk {
	unsigned int slot;
	uint32_t at; /* behind the next of that slot */
	bool begun;
};

struct conn *sweep_step(const struct sweep *s, struct sweep_walk *w);

/* Deadlines are given in the order of time: all have the same patience. */
void sweep_hurry(struct sweep *s, struct hurry *h, struct conn *c, double at);
void sweep_calm(struct sweep *s, struct hurry *h);
/* The connection whose deadline has passed at now; NULL: none has. */
struct conn *sweep_late(struct sweep *s, double now);

#endif
