/*
 * Where what Redis holds now and what is held here part: after a failover to a
 * replica that lacked the last events, or after Redis was emptied.
 */
#ifndef FORK_H
#define FORK_H

#include "replay.h"

struct fork {
	struct place fresh; /* behind it stands all that is not known here */
	struct place lost;  /* and all that Redis does not know any more */
};

/* Nothing is fresh or lost up to p. */
void fork_init(struct fork *f, struct place p);

/* Is p, which Redis holds, in log or dropped from it? */
bool fork_knows(const struct replay *log, struct place p);

/*
 * Note what parts log from a channel's n places in Redis, ascending, before
 * which floor was the last one that is not among them.
 */
void fork_compare(struct fork *f, const struct replay *log, struct place floor,
    const struct place *places, size_t n);

#endif
