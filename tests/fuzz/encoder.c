/*
 * The encoder, and the decoder behind it.  The first byte says what the event
 * bears, the second and third how much of the rest is its type and its ID, the
 * fourth is there for the eye; what is left is data.  What must hold: an event
 * is refused exactly when it cannot be said, and otherwise comes back as it
 * was, its lines joined by LF and its bytes made UTF-8.
 */
#include <errno.h>
#include <stdlib.h>

#include "naive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sse_text
take(const uint8_t **data, size_t *size, size_t want)
{
	struct sse_text t = { (const char *)*data,
		want < *size ? want : *size };

	*data += t.len;
	*size -= t.len;
	return t;
}

static bool
has_byte(struct sse_text t, char c)
{
	return memchr(t.ptr, c, t.len) != NULL;
}

static bool
has_line_end(struct sse_text t)
{
	return has_byte(t, '\r') || has_byte(t, '\n');
}

/* Can ev be said at all? */
static bool
fit(const struct sse_event *ev)
{
	bool typed = ev->type.len > 0 && !naive_is(ev->type, "message");

	if (has_line_end(ev->type))
		return false;
	if (ev->has & SSE_HAS_ID &&
	    (has_line_end(ev->id) || has_byte(ev->id, '\0')))
		return false;
	if (ev->has & SSE_HAS_RETRY && ev->retry_ms < 0)
		return false;
	return typed ||
	    (ev->has & (SSE_HAS_ID | SSE_HAS_RETRY | SSE_HAS_DATA)) != 0;
}

/* Lines joined by LF. */
static void
join(struct sse_buf *out, struct sse_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		if (t.ptr[i] == '\n' && i > 0 && t.ptr[i - 1] == '\r')
			continue;
		sse_buf_append(out, t.ptr[i] == '\r' ? "\n" : t.ptr + i, 1);
	}
}

/* Is got what t reads as? */
static void
check_text(struct sse_text got, struct sse_text t)
{
	struct sse_buf joined = { NULL, 0, 0 }, want = { NULL, 0, 0 };

	join(&joined, t);
	naive_utf8(&want, (const unsigned char *)joined.ptr, joined.len);
	assert(got.len == want.len);
	assert(want.len == 0 || memcmp(got.ptr, want.ptr, got.len) == 0);
	sse_buf_free(&joined);
	sse_buf_free(&want);
}

static void
check_decoded(struct sse_decoder *d, const struct sse_buf *b,
    const struct sse_event *ev, struct sse_text other)
{
	const struct sse_event *got;
	struct sse_field f;
	size_t used, iter = 0;

	assert(sse_decoder_feed(d, b->ptr, b->len, &used, &got) ==
	    (ev->has & SSE_HAS_DATA ? 1 : 2));
	assert(used == b->len);
	check_text(got->type, ev->type);
	if (ev->has & SSE_HAS_DATA)
		check_text(got->data, ev->data);
	if (ev->has & SSE_HAS_ID)
		check_text(got->id, ev->id);
	else
		assert(got->id.len == 0);
	assert((got->has | SSE_HAS_EVENT) == (ev->has | SSE_HAS_EVENT));
	if (ev->has & SSE_HAS_RETRY)
		assert(got->retry_ms == ev->retry_ms);
	/* A comment for each line, whatever lines the text has. */
	while (sse_decoder_field(d, &iter, &f) == 1) {
		assert(f.name.len == 0);
		assert(!has_line_end(f.value) && f.value.len <= 3 * other.len);
	}
}

static void
check_field(struct sse_text name, struct sse_text value)
{
	bool good = name.len > 0 && !has_byte(name, ':') &&
	    !has_line_end(name) && !has_line_end(value);
	struct sse_buf b = { NULL, 0, 0 };
	int got = sse_encode_field(&b, name, value);

	assert(got == (good ? 0 : -1));
	assert(good || (errno == EINVAL && b.len == 0));
	if (good)
		assert(memchr(b.ptr, '\n', b.len) == b.ptr + b.len - 1);
	sse_buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sse_event ev = { .retry_ms = 0 };
	struct sse_buf b = { NULL, 0, 0 };
	struct sse_decoder *d;
	size_t type_len, id_len;

	if (size < 4)
		return 0;
	ev.has = data[0] & 0xf;
	ev.retry_ms = data[0] & 0x80 ? -1 : (int64_t)data[0] << size % 20;
	type_len = data[1] & 0x3f;
	id_len = data[2] & 0x3f;
	data += 4;
	size -= 4;
	ev.type = take(&data, &size, type_len);
	ev.id = take(&data, &size, id_len);
	ev.data = take(&data, &size, size);
	check_field(ev.type, ev.id);
	check_field(ev.id, ev.data);

	d = sse_decoder_new(0);
	assert(d != NULL);
	sse_decoder_ask(d, SSE_ASK_COMMENTS | SSE_ASK_BLOCKS);
	assert(sse_encode_comment(&b, ev.data) == 0);
	id_len = b.len;
	if (fit(&ev)) {
		assert(sse_encode_event(&b, &ev) == 0);
		if (ev.type.len == 0)
			ev.type = (struct sse_text){ "message", 7 };
		check_decoded(d, &b, &ev, ev.data);
	} else {
		assert(sse_encode_event(&b, &ev) == -1);
		assert(errno == EINVAL && b.len == id_len);
	}
	sse_decoder_free(d);
	sse_buf_free(&b);
	return 0;
}
