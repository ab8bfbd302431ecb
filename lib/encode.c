#include <errno.h>
#include <string.h>

#include "inner.h"
#include "scan.h"

static int
invalid(void)
{
	errno = EINVAL;
	return -1;
}

static int
has_byte(struct sse_text t, char c)
{
	return t.len > 0 && memchr(t.ptr, c, t.len) != NULL;
}

static int
has_line_end(struct sse_text t)
{
	return has_byte(t, '\r') || has_byte(t, '\n');
}

/* Copy t to p and return what follows it; there must be room. */
static char *
put(char *p, struct sse_text t)
{
	/* A text of no bytes may have no place. */
	if (t.ptr != NULL)
		memcpy(p, t.ptr, t.len);
	return p + t.len;
}

/* One line, all of which is known to be fit for it. */
static int
append_line(struct sse_buf *b, struct sse_text name, struct sse_text value)
{
	char *p;

	/* Colon, space and LF; that both texts are in memory rules out wraps. */
	if (sse_buf_reserve(b, name.len + value.len + 3) == -1)
		return -1;
	p = put(b->ptr + b->len, name);
	*p++ = ':';
	if (value.len > 0)
		*p++ = ' ';
	p = put(p, value);
	*p++ = '\n';
	b->len = (size_t)(p - b->ptr);
	return 0;
}

/* A line for each line of text, which CR, LF and CRLF divide. */
static int
append_lines(struct sse_buf *b, struct sse_text name, struct sse_text text)
{
	struct sse_text line = { text.ptr, 0 };
	const char *eol, *end;
	size_t was = b->len;
	struct scan s;
	bool ascii;

	if (text.len == 0)
		return append_line(b, name, text);
	end = text.ptr + text.len;
	s = scan_start(text.ptr, text.len);
	while ((eol = scan_line(&s, &ascii)) != NULL) {
		/* The LF of a CRLF ends nothing more. */
		if (eol == line.ptr && *eol == '\n' && eol > text.ptr &&
		    eol[-1] == '\r') {
			line.ptr++;
			continue;
		}
		line.len = (size_t)(eol - line.ptr);
		if (append_line(b, name, line) == -1)
			goto undo;
		line.ptr = eol + 1;
	}
	line.len = (size_t)(end - line.ptr);
	if (append_line(b, name, line) == -1)
		goto undo;
	return 0;
undo:
	b->len = was;
	return -1;
}

static int
append_retry(struct sse_buf *b, int64_t ms)
{
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + ms % 10);
	while ((ms /= 10) > 0);
	return append_line(b, TEXT("retry"),
	    (struct sse_text){ p, (size_t)(digits + sizeof(digits) - p) });
}

static int
is_message(struct sse_text type)
{
	return type.len == 0 ||
	    (type.len == 7 && memcmp(type.ptr, "message", 7) == 0);
}

int
sse_encode_event(struct sse_buf *b, const struct sse_event *ev)
{
	size_t was = b->len;

	if (has_line_end(ev->type))
		return invalid();
	if (ev->has & SSE_HAS_ID &&
	    (has_line_end(ev->id) || has_byte(ev->id, '\0')))
		return invalid();
	if (ev->has & SSE_HAS_RETRY && ev->retry_ms < 0)
		return invalid();
	if (!is_message(ev->type) &&
	    append_line(b, TEXT("event"), ev->type) == -1)
		goto undo;
	if (ev->has & SSE_HAS_ID && append_line(b, TEXT("id"), ev->id) == -1)
		goto undo;
	if (ev->has & SSE_HAS_RETRY && append_retry(b, ev->retry_ms) == -1)
		goto undo;
	if (ev->has & SSE_HAS_DATA && sse_encode_data(b, ev->data) == -1)
		goto undo;
	if (b->len == was)
		return invalid();
	if (sse_encode_end(b) == -1)
		goto undo;
	return 0;
undo:
	b->len = was;
	return -1;
}

int
sse_encode_field(struct sse_buf *b, struct sse_text name, struct sse_text value)
{
	if (name.len == 0 || has_byte(name, ':') || has_line_end(name) ||
	    has_line_end(value))
		return invalid();
	return append_line(b, name, value);
}

int
sse_encode_data(struct sse_buf *b, struct sse_text data)
{
	return append_lines(b, TEXT("data"), data);
}

int
sse_encode_end(struct sse_buf *b)
{
	return sse_buf_append(b, "\n", 1);
}

int
sse_encode_comment(struct sse_buf *b, struct sse_text text)
{
	return append_lines(b, TEXT(""), text);
}
