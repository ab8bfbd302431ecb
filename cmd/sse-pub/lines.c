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

/* Where the line that is lost has ended. */
static const char *
skip(struct lines *l, const char *p, size_t len)
{
	const char *lf = memchr(p, '\n', len);

	if (lf == NULL)
		return p + len;
	l->skipping = false;
	l->lost++;
	return lf + 1;
}

long
lines_take(struct lines *l, struct sse_buf *b, const char *p, size_t len)
{
	const char *end = p + len;
	long n = 0;

	if (l->skipping && len > 0)
		p = skip(l, p, len);
	while (p < end) {
		size_t left = (size_t)(end - p);
		size_t room = l->max - l->part.len;
		/* The end of a line as long as may be is behind the room. */
		const char *lf = memchr(p, '\n', left > room ? room + 1 : left);

		if (lf == NULL && left <= room)
			return sse_buf_append(&l->part, p, left) == -1 ? -1 : n;
		if (finish(l, b, p, lf == NULL ? room : (size_t)(lf - p)) == -1)
			return -1;
		p = lf == NULL ? p + room : lf + 1;
		n++;
	}
	return n;
}

void
lines_lose(struct lines *l, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		l->lost += p[i] == '\n';
	l->part.len = 0;
	if (len > 0)
		l->skipping = p[len - 1] != '\n';
}

long
lines_end(struct lines *l, struct sse_buf *b)
{
	l->lost += l->skipping;
	l->skipping = false;
	if (l->part.len == 0)
		return 0;
	return finish(l, b, "", 0) == -1 ? -1 : 1;
}

void
lines_free(struct lines *l)
{
	sse_buf_free(&l->part);
}
