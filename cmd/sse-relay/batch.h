/*
 * Batches: what is POSTed.  One gathers while the one before it, if any, is on
 * its way, under the same number of the same producer however often it is sent,
 * and to the URL of its first event.  Here is what is known; who takes it and
 * what comes of it is another's business.
 */
#ifndef BATCH_H
#define BATCH_H

#include <stdbool.h>

#include "endpoint.h"
#include "event.h"
#include "mark.h"
#include "state.h"

#define BATCH_PRODUCER_BYTES 12
#define BATCH_KEY_BYTES (2 * BATCH_PRODUCER_BYTES + 64)

/* A body while it gathers or travels. */
struct batch {
	struct sse_buf body;
	size_t events;
	struct sse_buf channel; /* of its first event: the URL names it */
	struct mark to;         /* the source's mark behind it */
};

struct batches {
	const struct endpoint *peer; /* borrowed */
	size_t max_bytes;            /* a batch as large is full */
	struct batch two[2];
	struct batch *sent, *next;
	bool flying;      /* sent is a batch that is not answered */
	struct mark done; /* up to where the peer has it all */
	char producer[2 * BATCH_PRODUCER_BYTES + 1]; /* random */
	uint64_t number;
	char *url; /* owned: of the batch sent */
};

void batches_init(
    struct batches *b, const struct endpoint *peer, size_t max_bytes);
void batches_free(struct batches *b);

/* Is there room for ev in the one that gathers? */
bool batches_room(const struct batches *b, const struct event *ev);

/* Of these: -1 with ENOMEM. */

/* Take a copy of ev. */
int batches_add(struct batches *b, const struct event *ev);

/* What was gathered is to be sent, and another begins; none is flying. */
int batches_launch(struct batches *b);

/* The one that was flying is with the peer. */
int batches_landed(struct batches *b);

/* What the run before had on its way goes first, as it was. */
int batches_resume(struct batches *b, const struct state_flight *f);

/* The one that is flying gets a new number, of a new producer. */
void batches_renumber(struct batches *b);

/* The header that tells it from others. */
void batches_key(const struct batches *b, char key[BATCH_KEY_BYTES]);

/* It, for batches_resume() of the next run; it lies in b. */
struct state_flight batches_flight(const struct batches *b);

/* Is none flying, and nothing gathered? */
bool batches_settled(const struct batches *b);

/* Up to where the peer has everything. */
struct sse_text batches_done(const struct batches *b);

/* How many events the peer does not have yet. */
size_t batches_waiting(const struct batches *b);

#endif
