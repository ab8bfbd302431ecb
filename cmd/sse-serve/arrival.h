/*
 * What arrives from Redis, where anyone may have written it: an event of ours,
 * or something that is passed over.
 */
#ifndef ARRIVAL_H
#define ARRIVAL_H

#include "bus.h"

struct hub;

/*
 * The message of e, which is channel's.  NULL with errno EINVAL: it cannot be
 * told, and that was said; or with ENOMEM.
 */
struct message *arrival_message(
    struct hub *h, struct bus_entry *e, struct sse_text channel);

/* What was found in our namespace is of others: it is counted, and said. */
void arrival_foreign(struct hub *h, struct sse_text channel, const char *what);

#endif
