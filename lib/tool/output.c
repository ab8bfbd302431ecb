#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "block.h"
#include "format.h"
#include "json.h"
#include "output.h"
#include "put.h"
#include "visible.h"

#define TYPE_COLOR "\033[36m"
#define ID_COLOR "\033[33m"
#define TIME_MAX 512 /* bytes that a {time:FORMAT} may come to */

/* Append what a piece stands for.  -1 with ENOMEM. */
typedef int (*piece_fn)(const struct piece *p, struct sse_buf *b,
    const struct event *ev, const struct output_context *ctx);

struct output {
	bool terminal, color;
	struct format format;
	struct sse_buf scratch, painted;
};

static int
put_literal(const struct piece *p, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx)
{
	(void)ev;
	(void)ctx;
	return put_bytes(b, p->text.ptr, p->text.len);
}

static int
put_data(const struct piece *p, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx)
{
	(void)p;
	(void)ctx;
	return put_bytes(b, ev->data.ptr, ev->data.len);
}

static int
put_type(const struct piece *p, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx)
{
	struct sse_text t = ev->type.len > 0 ? ev->type : TEXT("message");

	(void)p;
	(void)ctx;
	return put_bytes(b, t.ptr, t.len);
}

static int
put_id(const struct piece *p, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx)
{
	(void)p;
	(void)ctx;
	return ev->has_id ? put_bytes(b, ev->id.ptr, ev->id.len) : 0;
}

static int
put_channel(const struct piece *p, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx)
{
	(void)p;
	(void)ctx;
	return put_bytes(b, ev->channel.ptr, ev->channel.len);
}

static int
put_url(const struct piece *p, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx)
{
	(void)p;
	(void)ev;
	return put_bytes(b, ctx->url.ptr, ctx->url.len);
}

static int
put_count(const struct piece *p, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", ctx->count);

	(void)p;
	(void)ev;
	return put_bytes(b, digits, (size_t)len);
}

/* Without its LF, which is the template's to say. */
static int
put_json(const struct piece *p, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx)
{
	(void)p;
	if (json_encode_more(b, ev, &ctx->json) == -1)
		return -1;
	b->len--;
	return 0;
}

static int
put_sse(const struct piece *p, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx)
{
	(void)p;
	return block_encode(b, ev, ctx->block);
}

static int
put_time(const struct piece *p, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx)
{
	time_t t = (time_t)(ctx->now_ms / 1000);
	char text[TIME_MAX];
	struct tm tm;
	size_t len;

	(void)ev;
	if (p->text.len == 0) {
		gmtime_r(&t, &tm);
		len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	} else {
		localtime_r(&t, &tm);
		len = strftime(text, sizeof(text), p->text.ptr, &tm);
	}
	return put_bytes(b, text, len);
}

static const piece_fn put_of[] = {
	[PIECE_LITERAL] = put_literal,
	[PIECE_CHANNEL] = put_channel,
	[PIECE_COUNT] = put_count,
	[PIECE_DATA] = put_data,
	[PIECE_ID] = put_id,
	[PIECE_JSON] = put_json,
	[PIECE_SSE] = put_sse,
	[PIECE_TIME] = put_time,
	[PIECE_TYPE] = put_type,
	[PIECE_URL] = put_url,
};

struct output *
output_new(const char *format, const char **fault)
{
	struct output *out = calloc(1, sizeof(*out));

	if (out == NULL) {
		*fault = "out of memory";
		return NULL;
	}
	if (format_read(&out->format, format, fault) == -1) {
		output_free(out);
		return NULL;
	}
	return out;
}

void
output_free(struct output *out)
{
	if (out == NULL)
		return;
	format_free(&out->format);
	sse_buf_free(&out->scratch);
	sse_buf_free(&out->painted);
	free(out);
}

void
output_set_terminal(struct output *out, bool terminal)
{
	out->terminal = terminal;
}

void
output_set_color(struct output *out, bool color)
{
	out->color = color;
}

const char *
output_show(const struct output *out)
{
	const struct format *f = &out->format;

	return format_has(f, PIECE_CHANNEL) || format_has(f, PIECE_JSON) ||
		format_has(f, PIECE_SSE)
	    ? "channel"
	    : "";
}

bool
output_takes_blocks(const struct output *out)
{
	return out->format.pieces[0].what == PIECE_SSE;
}

static int
put_painted(struct sse_buf *b, const char *color, struct sse_text t)
{
	static const char plain[] = "\033[0m";

	if (t.len == 0)
		return 0;
	return sse_buf_append(b, color, strlen(color)) == -1 ||
		sse_buf_append(b, t.ptr, t.len) == -1 ||
		sse_buf_append(b, plain, sizeof(plain) - 1) == -1
	    ? -1
	    : 0;
}

/* A line of a block, LF and all; the value of some fields is painted. */
static int
put_field(struct sse_buf *b, struct sse_text line)
{
	static const struct {
		struct sse_text name;
		const char *color;
	} fields[] = {
		{ TEXT_INIT("event: "), TYPE_COLOR },
		{ TEXT_INIT("id: "), ID_COLOR },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t len = fields[i].name.len;
		struct sse_text value = { line.ptr + len, line.len - len - 1 };

		if (line.len <= len ||
		    memcmp(line.ptr, fields[i].name.ptr, len) != 0)
			continue;
		return sse_buf_append(b, line.ptr, len) == -1 ||
			put_painted(b, fields[i].color, value) == -1 ||
			sse_buf_append(b, "\n", 1) == -1
		    ? -1
		    : 0;
	}
	return sse_buf_append(b, line.ptr, line.len);
}

static int
put_block(struct sse_buf *b, struct sse_text block)
{
	const char *end = block.ptr + block.len, *lf;

	for (const char *p = block.ptr; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL ||
		    put_field(
			b, (struct sse_text){ p, (size_t)(lf + 1 - p) }) == -1)
			return -1;
	}
	return 0;
}

/* What comes from strangers, made visible and painted as is due. */
static int
put_shown(struct output *out, const struct piece *p, struct sse_buf *b,
    const struct event *ev, const struct output_context *ctx)
{
	struct sse_text t;

	out->scratch.len = out->painted.len = 0;
	if (put_of[p->what](p, &out->scratch, ev, ctx) == -1)
		return -1;
	t = (struct sse_text){ out->scratch.ptr, out->scratch.len };
	if (out->terminal) {
		if (visible_append(&out->painted, t) == -1)
			return -1;
		t = (struct sse_text){ out->painted.ptr, out->painted.len };
	}
	if (out->color && p->what == PIECE_TYPE)
		return put_painted(b, TYPE_COLOR, t);
	if (out->color && p->what == PIECE_ID)
		return put_painted(b, ID_COLOR, t);
	if (out->color && p->what == PIECE_SSE)
		return put_block(b, t);
	return sse_buf_append(b, t.ptr, t.len);
}

static int
put_data_only(const struct output *out, struct sse_buf *b, struct sse_text data)
{
	struct sse_text end = out->format.pieces[1].text;

	if (b->cap - b->len < data.len + end.len &&
	    sse_buf_reserve(b, data.len + end.len) == -1)
		return -1;
	(void)put_bytes(b, data.ptr, data.len);
	(void)put_bytes(b, end.ptr, end.len);
	return 0;
}

bool
output_plain(const struct output *out)
{
	return out->format.data_only && !out->terminal && !out->color;
}

struct sse_text
output_end(const struct output *out)
{
	return out->format.pieces[1].text;
}

int
output_many(const struct output *out, struct sse_buf *b,
    const struct sse_event *ev, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (put_data_only(out, b, ev[i].data) == -1)
			return -1;
	return 0;
}

int
output_event(struct output *out, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx)
{
	bool shown = out->terminal || out->color;
	size_t before = b->len;

	if (output_plain(out))
		return put_data_only(out, b, ev->data);
	for (size_t i = 0; i < out->format.n; i++) {
		const struct piece *p = &out->format.pieces[i];
		int r;

		if (shown && p->what != PIECE_LITERAL)
			r = put_shown(out, p, b, ev, ctx);
		else
			r = put_of[p->what](p, b, ev, ctx);
		if (r == -1) {
			b->len = before;
			return -1;
		}
	}
	return 0;
}
