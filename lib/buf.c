#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inner.h"

#define CAP_MIN 256 /* what a first allocation is good for, at least */

int
sse_buf_grow(struct sse_buf *b, size_t n, size_t most)
{
	size_t cap, need;
	char *ptr;

	if (n <= b->cap - b->len)
		return 0;
	if (n > SIZE_MAX - b->len) {
		errno = ENOMEM;
		return -1;
	}
	need = b->len + n;
	cap = b->cap > SIZE_MAX / 2 ? SIZE_MAX : 2 * b->cap;
	if (cap < CAP_MIN)
		cap = CAP_MIN;
	if (cap > most)
		cap = most;
	if (cap < need)
		cap = need;
	if ((ptr = realloc(b->ptr, cap)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	b->ptr = ptr;
	b->cap = cap;
	return 0;
}

int
sse_buf_reserve(struct sse_buf *b, size_t n)
{
	return sse_buf_grow(b, n, SIZE_MAX);
}

int
sse_buf_append(struct sse_buf *b, const void *p, size_t n)
{
	if (n == 0)
		return 0;
	if (sse_buf_reserve(b, n) == -1)
		return -1;
	memcpy(b->ptr + b->len, p, n);
	b->len += n;
	return 0;
}

void
sse_buf_free(struct sse_buf *b)
{
	free(b->ptr);
	*b = (struct sse_buf){ NULL, 0, 0 };
}
