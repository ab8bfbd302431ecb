/*
 * What the command line says of every event: the fields of an event that does
 * not say otherwise itself.
 */
#ifndef DEFAULTS_H
#define DEFAULTS_H

#include "event.h"

struct defaults {
	struct event ev;       /* channel, type, id, match, retry, priority */
	int64_t expires_in_ms; /* from now; -1: never */
};

#define DEFAULTS_NONE ((struct defaults){ EVENT_NONE, -1 })

/* Fill what ev leaves open.  It borrows d's texts.  now_ms is Unix time. */
void defaults_fill(const struct defaults *d, struct event *ev, int64_t now_ms);

#endif
