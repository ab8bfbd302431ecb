/* What the tests of the decoder share; include <cmocka.h> first. */
#ifndef DECODING_H
#define DECODING_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sse.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/*
 * What a decoder gave, as text: for each event TYPE=DATA, #ID when an ID is in
 * force and ~RETRY when the block bore one, then ";".  A block without data is
 * in braces, "!" an error.  The line closes with the last event ID and the
 * reconnection time in force, if any.
 */
struct report {
	char text[4096];
	size_t len;
};

static inline void
report(struct report *r, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		assert_true(r->len + 3 < sizeof(r->text));
		if (p[i] == '\0') {
			r->text[r->len++] = '\\';
			r->text[r->len++] = '0';
		} else
			r->text[r->len++] = p[i];
	}
	r->text[r->len] = '\0';
}

static inline void
report_number(struct report *r, const char *before, int64_t n)
{
	char s[32];
	int len = snprintf(s, sizeof(s), "%s%lld", before, (long long)n);

	report(r, s, (size_t)len);
}

static inline void
report_block(struct report *r, const struct sse_decoder *d, int got,
    const struct sse_event *ev)
{
	struct sse_field f;
	size_t iter = 0;

	report(r, "{", got == 2);
	report(r, ev->type.ptr, ev->type.len);
	report(r, "=", 1);
	report(r, ev->data.ptr, ev->data.len);
	report(r, "#", ev->id.len > 0);
	report(r, ev->id.ptr, ev->id.len);
	if (ev->has & SSE_HAS_RETRY)
		report_number(r, "~", ev->retry_ms);
	while (sse_decoder_field(d, &iter, &f)) {
		report(r, ",", 1);
		report(r, f.name.ptr, f.name.len);
		report(r, ":", 1);
		report(r, f.value.ptr, f.value.len);
	}
	report(r, "}", got == 2);
	report(r, ";", 1);
}

#define MANY_MAX 8

/* Up to many events in one call, for as long as there are any; the bytes read. */
static inline size_t
feed_many(struct sse_decoder *d, const char *p, size_t len, struct report *r,
    size_t many)
{
	struct sse_event ev[MANY_MAX];
	size_t at = 0, used, n;

	while (many > 0 &&
	    (n = sse_decoder_feed_many(d, p + at, len - at, &used, ev, many)) >
		0) {
		assert_true(n <= many && used <= len - at);
		at += used;
		for (size_t i = 0; i < n; i++)
			report_block(r, d, 1, &ev[i]);
	}
	return at;
}

/*
 * Feed one piece from memory of its own, which is gone when this returns: what
 * a decoder wrongly kept of it would be noticed.  Unless many is 0, as many
 * events at once as sse_decoder_feed_many() takes.
 */
static inline void
feed_piece(struct sse_decoder *d, const char *p, size_t len, struct report *r,
    size_t many)
{
	const struct sse_event *ev;
	size_t at = 0, used;
	char *piece;
	int got;

	piece = malloc(len > 0 ? len : 1);
	assert_non_null(piece);
	if (len > 0)
		memcpy(piece, p, len);
	do {
		at += feed_many(d, piece + at, len - at, r, many);
		got = sse_decoder_feed(d, piece + at, len - at, &used, &ev);
		assert_true(used <= len - at);
		at += used;
		if (got > 0)
			report_block(r, d, got, ev);
		else if (got == -1) {
			assert_int_equal(errno, EMSGSIZE);
			report(r, "!;", 2);
		}
	} while (got != 0);
	assert_int_equal(at, len);
	memset(piece, 'X', len);
	free(piece);
}

static inline void
feed(struct sse_decoder *d, const char *p, size_t len, struct report *r)
{
	feed_piece(d, p, len, r, 0);
}

static inline void
report_state(struct report *r, const struct sse_decoder *d)
{
	struct sse_text id = sse_decoder_last_id(d);

	if (id.len > 0) {
		report(r, "#", 1);
		report(r, id.ptr, id.len);
	}
	if (sse_decoder_retry_ms(d) >= 0)
		report_number(r, "~", sse_decoder_retry_ms(d));
}

#endif
