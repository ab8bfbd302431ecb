/*
 * A decoder of event streams written to be read: it has the whole stream before
 * it and follows the standard word by word, slowly.  What libsse makes of a
 * stream is held against it.
 */
#ifndef NAIVE_H
#define NAIVE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sse.h"

/* Every outcome of a decoding, written one behind the other. */
static inline void
told(struct sse_buf *out, const char *what, struct sse_text t)
{
	char head[64];
	int n = snprintf(head, sizeof(head), "%s(%zu)", what, t.len);

	assert(sse_buf_append(out, head, (size_t)n) == 0);
	assert(sse_buf_append(out, t.ptr, t.len) == 0);
	assert(sse_buf_append(out, "\n", 1) == 0);
}

static inline void
told_number(struct sse_buf *out, const char *what, int64_t n)
{
	char s[32];
	int len = snprintf(s, sizeof(s), "%lld", (long long)n);

	told(out, what, (struct sse_text){ s, (size_t)len });
}

static inline void
told_event(struct sse_buf *out, int kind, const struct sse_event *ev)
{
	told_number(out, "kind", kind);
	told_number(out, "has", ev->has);
	told_number(out, "retry", ev->retry_ms);
	told(out, "type", ev->type);
	told(out, "data", ev->data);
	told(out, "id", ev->id);
}

struct naive {
	unsigned int ask;
	size_t max;
	struct sse_buf *out;

	struct sse_buf type, data, id, last_id, fields;
	unsigned int has;
	int64_t block_retry, retry;
	size_t bytes; /* of the block, so far */
	bool skip;
};

/* Spec: Encoding, "UTF-8 decoder". */
static inline void
naive_utf8(struct sse_buf *out, const unsigned char *p, size_t len)
{
	unsigned int lower = 0x80, upper = 0xbf;
	size_t needed = 0, seen = 0;

	for (size_t i = 0; i < len || needed > 0; i++) {
		unsigned int byte = i < len ? p[i] : 0;

		if (needed > 0 && (i == len || byte < lower || byte > upper)) {
			/* Drop what was seen; the byte is looked at again. */
			out->len -= seen;
			sse_buf_append(out, "\xef\xbf\xbd", 3);
			needed = seen = 0;
			lower = 0x80;
			upper = 0xbf;
			i--;
			continue;
		}
		if (needed > 0) {
			lower = 0x80;
			upper = 0xbf;
			sse_buf_append(out, p + i, 1);
			if (seen++ == needed)
				needed = seen = 0;
		} else if (byte <= 0x7f) {
			sse_buf_append(out, p + i, 1);
		} else if (byte >= 0xc2 && byte <= 0xf4) {
			needed = byte <= 0xdf ? 1 : byte <= 0xef ? 2 : 3;
			if (byte == 0xe0)
				lower = 0xa0;
			if (byte == 0xed)
				upper = 0x9f;
			if (byte == 0xf0)
				lower = 0x90;
			if (byte == 0xf4)
				upper = 0x8f;
			sse_buf_append(out, p + i, 1);
			seen = 1;
		} else
			sse_buf_append(out, "\xef\xbf\xbd", 3);
	}
}

static inline void
naive_clear(struct naive *n)
{
	n->type.len = n->data.len = n->id.len = n->fields.len = 0;
	n->has = 0;
	n->block_retry = -1;
	n->bytes = 0;
}

static inline struct sse_text
naive_text(const struct sse_buf *b)
{
	return (struct sse_text){ b->len > 0 ? b->ptr : "", b->len };
}

/* Spec: HTML, "dispatch the event". */
static inline void
naive_dispatch(struct naive *n)
{
	struct sse_event ev = { .type = { "message", 7 }, .retry_ms = -1 };

	if (n->has & SSE_HAS_ID) {
		n->last_id.len = 0;
		sse_buf_append(&n->last_id, n->id.ptr, n->id.len);
	}
	if (n->has & SSE_HAS_DATA)
		n->data.len--; /* the final LF */
	if (n->type.len > 0) {
		ev.type = naive_text(&n->type);
		n->has |= SSE_HAS_EVENT;
	}
	ev.data = naive_text(&n->data);
	ev.id = naive_text(&n->last_id);
	ev.has = n->has;
	ev.retry_ms = n->block_retry;
	if (n->has & SSE_HAS_DATA)
		told_event(n->out, 1, &ev);
	else if (n->ask & SSE_ASK_BLOCKS && n->bytes > 0)
		told_event(n->out, 2, &ev);
	else
		n->fields.len = 0;
	sse_buf_append(n->out, n->fields.ptr, n->fields.len);
	naive_clear(n);
}

static inline void
naive_retry(struct naive *n, struct sse_text value)
{
	int64_t ms = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return;
		ms = ms * 10 + value.ptr[i] - '0';
		if (ms > SSE_RETRY_MAX_MS)
			ms = SSE_RETRY_MAX_MS;
	}
	if (value.len == 0)
		return;
	n->retry = n->block_retry = ms;
	n->has |= SSE_HAS_RETRY;
}

static inline bool
naive_is(struct sse_text t, const char *s)
{
	return t.len == strlen(s) && memcmp(t.ptr, s, t.len) == 0;
}

/* Spec: HTML, "process the field". */
static inline void
naive_field(struct naive *n, struct sse_text name, struct sse_text value)
{
	unsigned int what = name.len == 0 ? SSE_ASK_COMMENTS : SSE_ASK_FIELDS;

	if (naive_is(name, "event")) {
		n->type.len = 0;
		sse_buf_append(&n->type, value.ptr, value.len);
	} else if (naive_is(name, "data")) {
		sse_buf_append(&n->data, value.ptr, value.len);
		sse_buf_append(&n->data, "\n", 1);
		n->has |= SSE_HAS_DATA;
	} else if (naive_is(name, "id")) {
		if (memchr(value.ptr, '\0', value.len) != NULL)
			return;
		n->id.len = 0;
		sse_buf_append(&n->id, value.ptr, value.len);
		n->has |= SSE_HAS_ID;
	} else if (naive_is(name, "retry")) {
		naive_retry(n, value);
	} else if (n->ask & what) {
		told(&n->fields, "name", name);
		told(&n->fields, "value", value);
	}
}

static inline void
naive_refuse(struct naive *n)
{
	told_number(n->out, "refused", 1);
	naive_clear(n);
	n->skip = true;
}

/* Spec: HTML, "Interpreting an event stream".  Bytes are those it had before
 * it was decoded to line, when these are more. */
static inline void
naive_line(struct naive *n, struct sse_text line, size_t bom)
{
	struct sse_text name = line, value = { "", 0 };
	const char *colon;

	if (n->skip) {
		n->skip = line.len + bom > 0;
		return;
	}
	if (line.len + bom > 0 && n->bytes + bom + line.len + 1 > n->max) {
		naive_refuse(n);
		return;
	}
	if (line.len == 0) {
		naive_dispatch(n);
		return;
	}
	n->bytes += bom + line.len + 1;
	if ((colon = memchr(line.ptr, ':', line.len)) != NULL) {
		name.len = (size_t)(colon - line.ptr);
		value = (struct sse_text){ colon + 1, line.len - name.len - 1 };
		if (value.len > 0 && value.ptr[0] == ' ') {
			value.ptr++;
			value.len--;
		}
	}
	naive_field(n, name, value);
}

/* Decode all of it and tell what comes of it in out. */
static inline void
naive_decode(struct sse_buf *out, const unsigned char *p, size_t len,
    unsigned int ask, size_t max)
{
	struct naive n = { .ask = ask, .max = max, .out = out, .retry = -1 };
	struct sse_buf line = { NULL, 0, 0 };
	size_t i = 0, start, bom;

	naive_clear(&n);
	if (n.max == 0)
		n.max = SSE_MAX_BYTES_DEFAULT;
	for (start = 0; i < len; i++) {
		if (p[i] != '\r' && p[i] != '\n')
			continue;
		bom = start == 0 && i >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0
		    ? 3
		    : 0;
		/* No sequence reaches over a line end: each can be decoded. */
		line.len = 0;
		naive_utf8(&line, p + start + bom, i - start - bom);
		naive_line(&n, naive_text(&line), bom);
		if (p[i] == '\r' && i + 1 < len && p[i + 1] == '\n')
			i++;
		start = i + 1;
	}
	/* Of an unfinished line only this is of interest. */
	if (!n.skip && i - start > n.max - n.bytes)
		naive_refuse(&n);
	told(out, "last id", naive_text(&n.last_id));
	told_number(out, "retry", n.retry);
	sse_buf_free(&line);
	sse_buf_free(&n.type);
	sse_buf_free(&n.data);
	sse_buf_free(&n.id);
	sse_buf_free(&n.last_id);
	sse_buf_free(&n.fields);
}

#endif
