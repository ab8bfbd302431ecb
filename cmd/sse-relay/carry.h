/*
 * What becomes of an event on its way: channel, ID and the relay's name.
 */
#ifndef CARRY_H
#define CARRY_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

struct carry {
	const char *name;    /* the relay's; borrowed */
	const char *channel; /* where all events go; NULL: where they are */
	bool mint;           /* the sink gives IDs of its own */
	bool routed;         /* the sink needs a channel */
	struct sse_buf via;  /* owned: the field of the event at hand */
};

void carry_free(struct carry *c);

enum carry_what {
	CARRY_ON,   /* *ev is what the sink takes, until the next call */
	CARRY_DROP, /* not to be carried: been here, expired, a source's own */
	CARRY_LOST, /* no channel, and the sink names none: *fault */
	CARRY_BAD,  /* it cannot be published; *fault says why */
	CARRY_NOMEM,
};

enum carry_what carry_event(
    struct carry *c, struct event *ev, int64_t now_ms, const char **fault);

#endif
