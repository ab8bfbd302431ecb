/*
 * A claim: what other consumers of a group were given, did not acknowledge and
 * have not touched for CLAIM_IDLE_MS is taken over, for they are gone.  Here is
 * when to ask for it and up to where that has been done.
 */
#ifndef CLAIM_H
#define CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "place.h"

#define CLAIM_IDLE_MS 60000
#define CLAIM_EVERY_MS 15000 /* is looked for such */

struct claim {
	bool asked;        /* the answer at hand is to a claim */
	bool off;          /* Redis knows or permits none */
	struct place from; /* where to go on; zero: at the beginning */
	int64_t due_ms;
};

/* Is it time to ask? */
bool claim_due(const struct claim *c, int64_t now_ms);

/* An answer was handed out, which said that next is where to go on. */
void claim_turn(struct claim *c, struct place next, int64_t now_ms);

/* The connection is gone, and with it what was asked. */
void claim_forget(struct claim *c);

#endif
