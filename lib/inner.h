/*
 * What the library's files share and sse.map does not export.
 */
#ifndef INNER_H
#define INNER_H

#include "sse.h"

/* A string constant. */
#define TEXT(s) ((struct sse_text){ (s), sizeof(s) - 1 })

/* What is in b; never NULL. */
static inline struct sse_text
text(const struct sse_buf *b)
{
	return b->len > 0 ? (struct sse_text){ b->ptr, b->len } : TEXT("");
}

static inline void
swap(struct sse_buf *a, struct sse_buf *b)
{
	struct sse_buf was = *a;

	*a = *b;
	*b = was;
}

/*
 * As sse_buf_reserve(), but what is added so that the buffer need not grow soon
 * again does not make it larger than most.
 */
int sse_buf_grow(struct sse_buf *b, size_t n, size_t most);

/* How many bytes sse_utf8_append() appends for the len bytes at p. */
size_t sse_utf8_length(const char *p, size_t len);

#endif
