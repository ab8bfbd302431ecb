/*
 * Acknowledging entries of a consumer group once the sink has taken them, on a
 * connection of its own: the other one waits for new ones.
 */
#ifndef ACK_H
#define ACK_H

#include <stdbool.h>

#include "place.h"
#include "redis_url.h"
#include "sse.h"

struct ack;

/* All borrowed.  NULL with ENOMEM. */
struct ack *ack_new(
    const struct redis_url *u, const char *key, const char *group);
void ack_free(struct ack *a);

/* An entry was handed out.  -1 with ENOMEM. */
int ack_add(struct ack *a, struct place p);

/* Was it handed out, and is not acknowledged? */
bool ack_has(const struct ack *a, struct place p);

/* Those handed out so far, as a mark; good until the next ack_add(). */
struct sse_text ack_mark(struct ack *a);

/*
 * Those of mark are where they were to go.  It waits for Redis; what cannot be
 * acknowledged is told of again after the next connection.
 */
void ack_taken(struct ack *a, struct sse_text mark);

/* All that was not acknowledged will be handed out once more. */
void ack_forget(struct ack *a);

#endif
