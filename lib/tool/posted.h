/*
 * An sse-serve's answer 422 to a POST, some of whose events are left out: one
 * line or more that say which, and then one for each event: its ID, or nothing.
 */
#ifndef POSTED_H
#define POSTED_H

#include <stdbool.h>

#include "sse.h"

struct posted {
	struct sse_text words; /* lines, at least one */
	struct sse_text ids;   /* lines, one an event */
	size_t left_out;       /* of which so many are empty */
};

/*
 * Read the body of an answer to n events, n > 0; *p lies in it.  False: it is
 * none of these, or it was cut off.
 */
bool posted_read(struct sse_text body, size_t n, struct posted *p);

#endif
