/*
 * Minting where there is no Redis: an event's place in the one order of all
 * events.  Pure.
 */
#ifndef MINT_H
#define MINT_H

#include "event.h"
#include "place.h"

struct mint {
	int64_t age_ms; /* how long events are kept; 0: for ever */
	bool adopted;   /* the last place came with its event */
};

/*
 * The place of ev, above last, at now_ms.  ev's own ID stays its ID on the
 * wire, unless it is formed like a place and cannot be adopted as one: then it
 * becomes its origin.
 */
struct place mint_place(
    struct mint *m, struct event *ev, struct place last, uint64_t now_ms);

#endif
