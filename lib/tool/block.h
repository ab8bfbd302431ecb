/*
 * A block of an event stream passed on whole: what the standard and sse-redis(7)
 * know of it, its comments, and the fields that neither knows.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include "event.h"

/*
 * Append the comments and unknown fields of the block that d handed out last
 * (NULL: none), then ev.  But what else a block of d's without data bears (retry,
 * id) is between its sender and its reader, and not passed on.
 * -1 with errno as sse_encode_event(); the buffer is then as before.
 */
int block_encode(
    struct sse_buf *b, const struct event *ev, const struct sse_decoder *d);

#endif
