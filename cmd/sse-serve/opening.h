/*
 * What a route asks for, made into a stream that reads its channels, which the
 * worker attaches when nobody read them yet; and the way back.
 */
#ifndef OPENING_H
#define OPENING_H

#include "conf.h"
#include "route.h"
#include "stream.h"

struct worker;

/* Where the stream is to start; its texts are the route's. */
struct start opening_start(const struct route *r);

/* The same for who was away, whose mark (zero: none) is known. */
struct start opening_pending(
    enum pending pending, const struct identity *who, struct place mark);

/*
 * Make s a stream of what is the client's own and of the route's channels; it
 * borrows the labels of who.  -1 with ENOMEM; then no channel is left behind.
 */
int opening_stream(struct worker *w, struct stream *s, const struct route *r,
    const struct identity *who);

/* Clear s and give back channels that nobody reads now. */
void opening_undo(struct worker *w, struct stream *s);

#endif
