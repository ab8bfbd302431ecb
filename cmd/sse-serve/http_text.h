/*
 * What the parts of the parser of request heads do with single bytes.
 */
#ifndef HTTP_TEXT_H
#define HTTP_TEXT_H

#include <stdbool.h>

#include "sse.h"

/* The locale has no say in a protocol's letters. */
static inline unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline struct sse_text
text(const char *from, const char *to)
{
	return (struct sse_text){ from, (size_t)(to - from) };
}

static inline struct sse_text
trim(struct sse_text t)
{
	while (t.len > 0 && is_blank(t.ptr[t.len - 1]))
		t.len--;
	while (t.len > 0 && is_blank(*t.ptr)) {
		t.ptr++;
		t.len--;
	}
	return t;
}

#endif
