/*
 * Appending a few bytes, of which most output is made, without a call.
 */
#ifndef PUT_H
#define PUT_H

#include <string.h>

#include "sse.h"

/* As sse_buf_append(). */
static inline int
put_bytes(struct sse_buf *b, const char *p, size_t len)
{
	if (b->cap - b->len < len)
		return sse_buf_append(b, p, len);
	if (len > 0)
		memcpy(b->ptr + b->len, p, len);
	b->len += len;
	return 0;
}

#endif
