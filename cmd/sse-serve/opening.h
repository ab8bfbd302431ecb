/*
 * What a route asks for, made into a stream that reads its channels, which the
 * worker attaches when nobody read them yet; and the way back.
 */
#ifndef OPENING_H
#define OPENING_H

#include "route.h"
#include "stream.h"

struct worker;

/* Where the stream is to start; its texts are the route's. */
struct start opening_start(const struct route *r);

/*
 * A stream of what is the client's own and of the route's channels; owner is
 * the connection's.  NULL with ENOMEM; then no channel is left behind.
 */
struct stream *opening_stream(
    struct worker *w, const struct route *r, bool admin, void *owner);

/* Free s (NULL is let pass) and give back channels that nobody reads now. */
void opening_undo(struct worker *w, struct stream *s);

#endif
