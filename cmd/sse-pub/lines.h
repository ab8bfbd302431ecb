/*
 * Bytes as they come become lines, each an event of one type.
 */
#ifndef LINES_H
#define LINES_H

#include <stddef.h>

#include "sse.h"

struct lines {
	const char *type; /* of the events */
	size_t max;       /* bytes; a longer line becomes several */
	struct sse_buf part;
};

/*
 * Append to b, as an event stream, the lines that these bytes end; the rest is
 * kept.  Returns how many, -1 with ENOMEM.
 */
long lines_take(struct lines *l, struct sse_buf *b, const char *p, size_t len);

/* The last line has no end.  As lines_take(). */
long lines_end(struct lines *l, struct sse_buf *b);
void lines_free(struct lines *l);

#endif
