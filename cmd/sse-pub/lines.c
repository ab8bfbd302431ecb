#include <string.h>

#include "event.h"
#include "lines.h"

/* One event, as UTF-8. */
static int
put(const struct lines *l, struct sse_buf *b, const char *p, size_t len)
{
	struct event ev = EVENT_NONE;
	struct sse_buf data = { NULL, 0, 0 };
	int r;

	if (len > 0 && p[len - 1] == '\r')
		len--;
	if (sse_utf8_append(&data, p, len) == -1)
		return -1;
	ev.type = text_of(l->type);
	ev.data = (struct sse_text){ data.ptr, data.len };
	ev.has_data = true;
	r = event_encode(b, &ev);
	sse_buf_free(&data);
	return r;
}

/* A line's end has come: what was kept and these bytes. */
static int
finish(struct lines *l, struct sse_buf *b, const char *p, size_t len)
{
	int r;

	if (l->part.len == 0)
		return put(l, b, p, len);
	if (sse_buf_append(&l->part, p, len) == -1)
		return -1;
	r = put(l, b, l->part.ptr, l->part.len);
	l->part.len = 0;
	return r;
}

long
lines_take(struct lines *l, struct sse_buf *b, const char *p, size_t len)
{
	const char *end = p + len;
	long n = 0;

	while (p < end) {
		size_t room = l->max - l->part.len;
		size_t left = (size_t)(end - p) < room ? (size_t)(end - p)
						       : room;
		const char *lf = memchr(p, '\n', left);

		if (lf == NULL && left < room)
			return sse_buf_append(&l->part, p, left) == -1 ? -1 : n;
		if (finish(l, b, p, lf == NULL ? left : (size_t)(lf - p)) == -1)
			return -1;
		p = lf == NULL ? p + left : lf + 1;
		n++;
	}
	return n;
}

long
lines_end(struct lines *l, struct sse_buf *b)
{
	if (l->part.len == 0)
		return 0;
	return finish(l, b, "", 0) == -1 ? -1 : 1;
}

void
lines_free(struct lines *l)
{
	sse_buf_free(&l->part);
}
