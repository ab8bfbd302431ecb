/*
 * Bytes as they come become lines, each an event of one type.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "sse.h"

struct lines {
	const char *type; /* of the events */
	size_t max;       /* bytes; a longer line becomes several */
	struct sse_buf part;
	bool skipping; /* within a line that is lost */
	unsigned long long lost;
};

/*
 * Append to b, as an event stream, the lines that these bytes end; the rest is
 * kept.  Returns how many, -1 with ENOMEM.
 */
long lines_take(struct lines *l, struct sse_buf *b, const char *p, size_t len);

/* These bytes are lost, and the lines of which they are a part. */
void lines_lose(struct lines *l, const char *p, size_t len);

/* The last line has no end.  As lines_take(). */
long lines_end(struct lines *l, struct sse_buf *b);
void lines_free(struct lines *l);

#endif
