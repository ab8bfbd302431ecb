/*
 * Flights: batches on their way to Redis, in a row, and the one that gathers
 * behind them.  Each moves the mark from where the one before it left it, so no
 * order of answers and losses can mix them up.  Here is what is known; the
 * connection is another's business.
 */
#ifndef FLIGHT_H
#define FLIGHT_H

#include <stdbool.h>

#include "cargo.h"
#include "mark.h"

#define FLIGHT_ROW 3 /* batches on their way at once */
#define FLIGHT_PRODUCER_BYTES 12

/* A batch, and the mark behind it. */
struct flight {
	struct cargo *cargo; /* owned */
	struct mark to;
	uint64_t number;
};

struct flights {
	struct flight of[FLIGHT_ROW + 1]; /* a ring */
	size_t first;                     /* the oldest that is not answered */
	size_t n;                         /* such, kept until they are */
	const char *name; /* whose mark it is; NULL: none is stored */
	struct mark mark; /* as it stands in Redis, for all that is known */
	uint64_t number;  /* of the batch launched last */
	char producer[2 * FLIGHT_PRODUCER_BYTES + 1]; /* random */
};

/* -1 with ENOMEM, to be freed all the same. */
int flights_init(
    struct flights *f, const struct cargo_kind *kind, const char *name);
void flights_free(struct flights *f);

/* The ith that was launched and is not answered, from 0 to n - 1. */
struct flight *flights_sent(struct flights *f, size_t i);

/* The one that gathers; launched ones are kept apart from it. */
struct flight *flights_next(struct flights *f);
const struct cargo *flights_gathering(const struct flights *f);
size_t flights_gathered(const struct flights *f);
struct sse_text flights_next_mark(const struct flights *f);

/*
 * Numbers of one producer follow each other.  When it is unknown whether Redis
 * took the last one, the next must not be taken for its repetition.
 */
void flights_new_producer(struct flights *f);

/* Of all below: -1 with ENOMEM. */

/* What was gathered is to be sent, and another begins; n is below FLIGHT_ROW. */
int flights_launch(struct flights *f);

/* Those launched get new numbers, of a new producer. */
int flights_renumber(struct flights *f);

/* The command that sends the ith, first or again. */
int flights_command(
    struct flights *f, size_t i, bool by_sha, struct bus_command *c);

/* The oldest is in Redis. */
int flights_landed(struct flights *f);

/*
 * Redis has mark.  When one of those launched moves it there, the first such and
 * those before it are in Redis, which *known tells; the others are to be sent.
 */
int flights_settle(struct flights *f, struct sse_text mark, bool *known);

/* Nothing of what was taken will be delivered: the source goes on from mark. */
int flights_drop(struct flights *f, struct sse_text mark);

/* The mark is known to stand at mark, and nothing is gathered. */
int flights_stand(struct flights *f, struct sse_text mark);

/* How many events are not in Redis yet. */
size_t flights_waiting(const struct flights *f);

#endif
