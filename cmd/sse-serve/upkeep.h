/*
 * What is done for a stream when the sweep comes by: a keep-alive comment, or
 * its end.  Pure.  No stream has a timer of its own; what each is due comes
 * spread over time, by the slot of the sweep that it stands in, also when many
 * came together or fell silent together.
 */
#ifndef UPKEEP_H
#define UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"

enum upkeep {
	UPKEEP_NOTHING,
	UPKEEP_KEEPALIVE, /* it has been idle: write something */
	UPKEEP_STALLED,   /* it has not taken a byte for too long */
	UPKEEP_END,       /* it is old: let it come back, here or elsewhere */
	UPKEEP_CUT,       /* the same, and it is behind, so it will not wait */
};

/* How long a round of the sweep takes; 0: none is needed. */
int64_t upkeep_round_ms(const struct conf *conf);

/* A stream as it is found. */
struct standing {
	unsigned int slot;
	int64_t idle_ms; /* since it last took a byte */
	int64_t age_ms;
	bool blocked; /* there is something that it does not take */
	bool told;    /* what it took last was a keep-alive comment */
};

/*
 * The first comment comes when it has been idle for half of --keepalive to all
 * of it, those that follow once in that time.  It ends when it has been blocked
 * for --stall-timeout or a round more, and at seven eighths of --max-lifetime
 * to all of it.
 */
enum upkeep upkeep_due(const struct conf *conf, const struct standing *v);

#endif
