#include <string.h>

#include "mark.h"

int
mark_set(struct mark *m, struct sse_text t)
{
	if (t.len > m->text.len &&
	    sse_buf_reserve(&m->text, t.len - m->text.len) == -1)
		return -1;
	if (t.len > 0)
		memmove(m->text.ptr, t.ptr, t.len);
	m->text.len = t.len;
	return 0;
}

struct sse_text
mark_text(const struct mark *m)
{
	return (struct sse_text){ m->text.ptr, m->text.len };
}

bool
mark_is(const struct mark *m, struct sse_text t)
{
	return m->text.len == t.len &&
	    (t.len == 0 || memcmp(m->text.ptr, t.ptr, t.len) == 0);
}

bool
mark_none(const struct mark *m)
{
	return m->text.len == 0;
}

void
mark_free(struct mark *m)
{
	sse_buf_free(&m->text);
}
