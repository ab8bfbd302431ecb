/*
 * The heads of requests and of responses, as they cross the wire, said with
 * -vv.
 */
#ifndef TRACE_H
#define TRACE_H

#include <curl/curl.h>

#include "options.h"

struct trace {
	const struct options *o;
	const char *shown; /* what messages call the URL */
};

/* Say them of what easy does from now on; t is borrowed.  -1: out of memory. */
int trace_begin(CURL *easy, const struct trace *t);

/*
 * A line of a head as it is said, in a buffer of cap bytes: printable, and where
 * its name says that the value is a secret (an Authorization, a cookie, a key, a
 * token), "..." in its place.
 */
const char *trace_line(struct sse_text line, char *buf, size_t cap);

#endif
