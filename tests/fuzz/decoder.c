/*
 * The decoder.  The first byte says what is asked for, the second how many
 * bytes an event may have ("-": the default), the third how the stream is cut,
 * the fourth is there for the eye; the rest is the stream.  What must hold: fed
 * whole, or in pieces, event by event or many at once, it gives what the naive
 * decoder gives.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "naive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is to be had of it at once; the bytes that this took. */
static size_t
feed_many(
    struct sse_decoder *d, const uint8_t *p, size_t len, struct sse_buf *out)
{
	struct sse_event ev[3];
	size_t at = 0, used, n;

	while ((n = sse_decoder_feed_many(d, p + at, len - at, &used, ev, 3)) >
	    0) {
		assert(n <= 3 && used <= len - at);
		at += used;
		for (size_t i = 0; i < n; i++)
			told_event(out, 1, &ev[i]);
	}
	assert(used == 0);
	return at;
}

/* One piece, in memory of its own that is gone behind it. */
static void
feed(struct sse_decoder *d, const uint8_t *p, size_t len, struct sse_buf *out,
    bool many)
{
	const struct sse_event *ev;
	struct sse_field f;
	size_t used, iter, n;
	uint8_t *piece, *at;
	int got;

	piece = at = malloc(len > 0 ? len : 1);
	assert(piece != NULL);
	memcpy(piece, p, len);
	for (;;) {
		n = many ? feed_many(d, at, len, out) : 0;
		at += n;
		len -= n;
		if ((got = sse_decoder_feed(d, at, len, &used, &ev)) == 0)
			break;
		assert(used <= len);
		at += used;
		len -= used;
		if (got == -1) {
			assert(errno == EMSGSIZE);
			told_number(out, "refused", 1);
			continue;
		}
		told_event(out, got, ev);
		for (iter = 0; sse_decoder_field(d, &iter, &f) == 1;) {
			told(out, "name", f.name);
			told(out, "value", f.value);
		}
	}
	assert(used == len);
	memset(piece, 'X', (size_t)(at - piece) + len);
	free(piece);
}

/* Pieces of 1 to 2^(cut % 8) bytes, as chance has it; cut 0: whole. */
static void
decode(struct sse_buf *out, const uint8_t *p, size_t len, unsigned int ask,
    size_t max, unsigned int cut, bool many)
{
	struct sse_decoder *d = sse_decoder_new(max);
	uint64_t chance = cut;
	size_t n;

	assert(d != NULL);
	sse_decoder_ask(d, ask);
	for (size_t at = 0; at < len || at == 0; at += n) {
		chance = chance * UINT64_C(6364136223846793005) + 1;
		n = 1 + (size_t)(chance >> 40) % (1U << cut % 8);
		if (cut == 0 || n > len - at)
			n = len - at;
		feed(d, p + at, n, out, many);
		if (len == 0)
			break;
	}
	told(out, "last id", sse_decoder_last_id(d));
	told_number(out, "retry", sse_decoder_retry_ms(d));
	sse_decoder_free(d);
}

static void
check_same(const struct sse_buf *a, const struct sse_buf *b)
{
	if (a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0)
		return;
	fprintf(stderr, "naive decoder:\n%.*s\nlibsse:\n%.*s\n", (int)a->len,
	    a->ptr, (int)b->len, b->ptr);
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sse_buf want = { NULL, 0, 0 }, got = { NULL, 0, 0 };
	unsigned int ask, cuts[3] = { 0, 8, 0 };
	size_t max;

	if (size < 4)
		return 0;
	ask = data[0] & 7;
	max = data[1] == '-' ? 0 : data[1];
	cuts[2] = data[2];
	data += 4;
	size -= 4;
	naive_decode(&want, data, size, ask, max);
	for (int i = 0; i < 6; i++) {
		got.len = 0;
		decode(&got, data, size, ask, max, cuts[i % 3], i < 3);
		check_same(&want, &got);
	}
	sse_buf_free(&want);
	sse_buf_free(&got);
	return 0;
}
