/*
 * The request parser, and what lies behind it: the first byte says where to
 * cut, the rest is a connection's bytes.  What must hold: how they are cut
 * changes nothing, a fault stays a fault, and what is taken keeps its promises.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../cmd/sse-serve/http.h"
#include "../../cmd/sse-serve/http_chunk.h"
#include "../../cmd/sse-serve/route.h"
#include "../../cmd/sse-serve/route_answer.h"
#include "event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parse a copy that ends where it ends, so that a read beyond is found. */
static ssize_t
parse(const char *p, size_t len, int *status)
{
	char *copy = malloc(len + (len == 0));
	struct http_head h;
	ssize_t n;

	memcpy(copy, p, len);
	n = http_parse(copy, len, &h, status);
	assert(n >= -1 && n <= (ssize_t)len);
	free(copy);
	return n;
}

static void
check_cut(const char *p, size_t len, size_t cut)
{
	int whole_status = 0, status = 0;
	ssize_t whole = parse(p, len, &whole_status);
	ssize_t n = parse(p, cut, &status);

	if (n == -1)
		assert(whole == -1 && status == whole_status);
	else
		assert(n == 0 || n == whole);
	if (whole > 0)
		assert(n == (cut >= (size_t)whole ? whole : 0));
}

static void
check_answer(const struct route *r, const struct http_head *h,
    const struct route_conf *conf)
{
	struct sse_buf b = { 0 };

	if (route_answer(&b, r, h, conf, false, 1) == 0) {
		assert(b.len > 12 && memcmp(b.ptr, "HTTP/1.1 ", 9) == 0);
		assert(memmem(b.ptr, b.len, "\r\n\r\n", 4) != NULL);
	}
	sse_buf_free(&b);
}

static void
check_route(const struct http_head *h, bool admin)
{
	static const char *const origins[] = { "*" };
	const struct identity *id = identity_anonymous(admin);
	struct route_conf conf = { .id = id,
		.open_publish = !admin,
		.loopback_host = admin,
		.origins = origins,
		.norigins = 1 };
	struct route r;

	if (route_parse(&r, h, &conf) == -1)
		return;
	for (size_t i = 0; i < r.nchannels && r.what == ROUTE_EVENTS; i++) {
		assert(channel_valid(r.channels[i]));
		assert(identity_may_read(id, r.channels[i]));
	}
	if (r.what == ROUTE_EVENTS && r.start == ROUTE_AFTER_ID)
		assert(memchr(r.last_id.ptr, '\n', r.last_id.len) == NULL);
	if (r.what == ROUTE_PUBLISH && r.channel.len > 0)
		assert(identity_may_publish(id, r.channel, !admin));
	if (r.what == ROUTE_BAD)
		assert(r.status >= 400 && r.why != NULL);
	check_answer(&r, h, &conf);
	route_free(&r);
}

/* Decode a chunked body by pieces.  Returns what follows it, or -1. */
static ssize_t
unchunk(const char *p, size_t len, size_t piece, struct sse_buf *to)
{
	struct http_chunk c = { 0 };
	struct sse_text got;

	while (len > 0 && !c.done) {
		size_t n = len < piece ? len : piece;
		ssize_t used = http_chunk_read(&c, p, n, &got);

		if (used == -1)
			return -1;
		assert(used > 0 && (size_t)used <= n && got.len <= n);
		if (sse_buf_append(to, got.ptr, got.len) == -1)
			abort();
		p += used;
		len -= (size_t)used;
	}
	return c.done ? (ssize_t)len : -2;
}

static void
check_chunks(const char *p, size_t len, size_t piece)
{
	struct sse_buf whole = { 0 }, pieces = { 0 };
	ssize_t left = unchunk(p, len, len + 1, &whole);

	assert(unchunk(p, len, piece, &pieces) == left);
	assert(whole.len == pieces.len);
	assert(whole.len == 0 || memcmp(whole.ptr, pieces.ptr, whole.len) == 0);
	sse_buf_free(&whole);
	sse_buf_free(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data + 1;
	struct http_head h;
	int status = 0;
	size_t len, cut;
	ssize_t n;

	if (size == 0)
		return 0;
	len = size - 1;
	cut = len * data[0] / 255;
	check_cut(p, len, cut);
	n = http_parse(p, len, &h, &status);
	if (n == -1) {
		assert(status >= 400 && status <= 505 && h.fault != NULL);
		return 0;
	}
	if (n == 0) {
		status = http_too_long(p, len);
		assert(status == 414 || status == 431);
		return 0;
	}
	check_route(&h, false);
	check_route(&h, true);
	if (h.body == HTTP_BODY_CHUNKED)
		check_chunks(p + n, len - (size_t)n, (size_t)data[0] % 7 + 1);
	return 0;
}
