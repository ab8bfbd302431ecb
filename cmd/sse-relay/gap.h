/*
 * A gap as an event, to be passed on: {"after":ID,"oldest":ID} of type sse:gap.
 */
#ifndef GAP_H
#define GAP_H

#include "event.h"

#define GAP_TYPE "sse:gap"

/*
 * Make *ev a gap after one ID and before another, each of which may be unknown
 * (empty).  Its data lies in b.  -1 with ENOMEM.
 */
int gap_event(struct event *ev, struct sse_buf *b, struct sse_text after,
    struct sse_text oldest);

/*
 * What is said of the gap that ev is, the source being called from, in a buffer
 * of cap bytes.
 */
void gap_say(const struct event *ev, const char *from, char *buf, size_t cap);

bool gap_is(const struct event *ev);

#endif
