#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "event.h"
#include "http_answer.h"
#include "refusal.h"
#include "route_answer.h"

static const struct {
	int status;
	const char *text;
} sayings[REFUSALS] = {
	[REFUSAL_CONNECTIONS] = { 503, "too many connections" },
	[REFUSAL_ADDRESS] = { 429, "too many connections from this address" },
	[REFUSAL_CLIENT] = { 429, "too many connections of this client" },
	[REFUSAL_RATE] = { 429, "too many new connections from this address" },
	[REFUSAL_STOPPING] = { 503, "the server is going down" },
	[REFUSAL_CHANNELS] = { 503,
	    "the channels cannot be read at this time" },
	[REFUSAL_MEMORY] = { 503, "out of memory" },
};

int
refusal_status(enum refusal reason)
{
	return sayings[reason].status;
}

const char *
refusal_text(enum refusal reason)
{
	return sayings[reason].text;
}

static int64_t
wait_ms(int64_t retry_ms, uint32_t chance)
{
	int64_t least = retry_ms > 1000 ? retry_ms : 1000;

	return least + chance % (least + 1);
}

const char *
refusal_after(int status, int64_t retry_ms, uint32_t chance, char *buf)
{
	buf[0] = '\0';
	if (status == 429 || status == 503 || status == 507)
		snprintf(buf, REFUSAL_AFTER_MAX, "Retry-After: %" PRId64 "\r\n",
		    (wait_ms(retry_ms, chance) + 999) / 1000);
	return buf;
}

static int
answer_softly(struct sse_buf *b, const struct refusing *r)
{
	struct sse_event ev = { .has = SSE_HAS_RETRY,
		.retry_ms = wait_ms(r->retry_ms, r->chance) };

	return http_stream_head(b, r->fields, r->now_s) == -1 ||
		sse_encode_comment(b, text_of(refusal_text(r->reason))) == -1 ||
		sse_encode_event(b, &ev) == -1
	    ? -1
	    : 0;
}

static int
answer_hard(struct sse_buf *b, const struct refusing *r)
{
	char fields[ROUTE_CORS_MAX + 128], after[REFUSAL_AFTER_MAX], why[128];
	int len = snprintf(why, sizeof(why), "%s\n", refusal_text(r->reason));
	struct http_answer a = { .status = refusal_status(r->reason),
		.fields = fields,
		.type = "text/plain; charset=utf-8",
		.body = { why, (size_t)len },
		.close = true,
		.now_s = r->now_s };

	snprintf(fields, sizeof(fields), "Cache-Control: no-store\r\n%s%s",
	    refusal_after(a.status, r->retry_ms, r->chance, after),
	    r->fields != NULL ? r->fields : "");
	return http_answer(b, &a);
}

int
refusal_answer(struct sse_buf *b, const struct refusing *r)
{
	size_t before = b->len;

	if ((r->softly ? answer_softly(b, r) : answer_hard(b, r)) == 0)
		return 0;
	b->len = before;
	return -1;
}
