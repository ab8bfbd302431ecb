/*
 * All connections of a worker, in slots that are swept in turn, so that one
 * timer serves all of them and what they need comes spread over the interval:
 * a round is SWEEP_SLOTS ticks long, and each tick is one slot's.  And those
 * that are in a hurry (a request that must be sent in time), in the order of
 * their deadlines.  Pure: it is told the time, in milliseconds of a clock that
 * does not go back.
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
	int64_t round_ms; /* 0: nobody needs to be visited */
	int64_t began_ms;
	uint64_t now;      /* the tick we are in, from the beginning */
	uint64_t swept;    /* the last that nothing is left to do for */
	unsigned int fill; /* slot that the next connection joins */
	size_t n;
	struct hurry_list hurried;
};

void sweep_init(struct sweep *s, int64_t round_ms, int64_t now_ms);
void sweep_free(struct sweep *s); /* its connections are freed already */

/* -1 with ENOMEM. */
int sweep_add(struct sweep *s, struct conn *c, struct sweep_at *at);
void sweep_remove(struct sweep *s, const struct sweep_at *at);

void sweep_set_time(struct sweep *s, int64_t now_ms);

/* The tick we are in; it goes round.  And how long so many ticks take. */
uint32_t sweep_tick(const struct sweep *s);
int64_t sweep_ticks_ms(const struct sweep *s, uint32_t ticks);

/* When a slot in which somebody stands has its turn; -1: never. */
int64_t sweep_due_ms(const struct sweep *s);

/*
 * Call fn for each connection of the slots whose turn has come, or of all; it
 * may remove that very connection.
 */
void sweep_due(struct sweep *s, void (*fn)(struct conn *));
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
/* The first deadline; below 0: nobody is in a hurry. */
double sweep_deadline(const struct sweep *s);
/* The connection whose deadline has passed at now; NULL: none has. */
struct conn *sweep_late(struct sweep *s, double now);

#endif
