/*
 * What becomes of an event on its way: channel, ID and the relay's name.
 */
#ifndef CARRY_H
#define CARRY_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "map.h"

struct carry {
	const char *name;       /* the relay's; borrowed */
	const char *channel;    /* where all events go; NULL: where they are */
	const struct map *maps; /* borrowed: the first that matches wins */
	size_t nmaps;
	bool mint;   /* the sink gives IDs of its own */
	bool routed; /* the sink needs a channel */
	/* Why the sink may not have an event, or NULL: as of event_fault(). */
	const char *(*fault)(const struct event *);
	struct sse_buf via; /* owned: the field of the event at hand */
	char to[CHANNEL_MAX];
};

void carry_free(struct carry *c);

enum carry_what {
	CARRY_ON,      /* *ev is what the sink takes, until the next call */
	CARRY_NOTHING, /* not to be carried: no event, or a source's own */
	CARRY_LOOP,    /* it has been here before */
	CARRY_EXPIRED,
	CARRY_LOST, /* no channel, and the sink names none: *fault */
	CARRY_BAD,  /* it cannot be published; *fault says why */
	CARRY_NOMEM,
};

/* Is it to be carried: ON, NOTHING, LOOP or EXPIRED? */
enum carry_what carry_look(
    const struct carry *c, const struct event *ev, int64_t now_ms);

/* Make one that is fit for the sink: ON, LOST, BAD or NOMEM. */
enum carry_what carry_event(
    struct carry *c, struct event *ev, const char **fault);

#endif
