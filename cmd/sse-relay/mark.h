/*
 * A mark: up to where a source has been carried.  What it says is the
 * source's matter (a last event ID, a place); here it is text.  Empty: none.
 */
#ifndef MARK_H
#define MARK_H

#include <stdbool.h>

#include "sse.h"

/* { { NULL, 0, 0 } } is an empty one; it owns its text. */
struct mark {
	struct sse_buf text;
};

/* A copy of t, which may lie in m.  -1 with ENOMEM: m is as before. */
int mark_set(struct mark *m, struct sse_text t);

struct sse_text mark_text(const struct mark *m);
bool mark_is(const struct mark *m, struct sse_text t);
bool mark_none(const struct mark *m);
void mark_free(struct mark *m);

/* Room for a mark in a message: visible_line() cuts what is longer. */
#define SHOWN_BYTES 160

#endif
