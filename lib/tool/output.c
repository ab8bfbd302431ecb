#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "block.h"
#include "json.h"
#include "output.h"
#include "put.h"
#include "visible.h"

#define TYPE_COLOR "\033[36m"
#define ID_COLOR "\033[33m"
#define TIME_MAX 512 /* bytes that a {time:FORMAT} may come to */

struct piece;

/* Append what a piece stands for.  -1 with ENOMEM. */
typedef int (*piece_fn)(const struct piece *p, struct sse_buf *b,
    const struct event *ev, const struct output_context *ctx);

struct piece {
	piece_fn put;
	struct sse_text text; /* what to write, or the format of a time */
	bool own;             /* the template's own: never made visible */
};

struct output {
	bool terminal, color;
	bool shows_channel;
	bool data_only; /* data and a literal, which is what most output is */
	size_t n;
	struct piece *pieces; /* owned */
	char *mem;            /* owned: what the pieces' texts lie in */
	struct sse_buf scratch, painted;
};

static int
put_text(const struct piece *p, struct sse_buf *b, const struct event *ev,
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

static const struct name {
	const char *name;
	piece_fn put;
} names[] = {
	{ "channel", put_channel },
	{ "count", put_count },
	{ "data", put_data },
	{ "event", put_type },
	{ "id", put_id },
	{ "json", put_json },
	{ "time", put_time },
	{ "url", put_url },
};

/* The formats with a name are templates whose names cannot be typed. */
static const struct named {
	const char *name;
	piece_fn put;
	struct sse_text end;
} formats[] = {
	{ "line", put_data, TEXT_INIT("\n") },
	{ "nul", put_data, TEXT_INIT("\0") },
	{ "sse", put_sse, TEXT_INIT("") },
	{ "json", put_json, TEXT_INIT("\n") },
};

static unsigned int
digit(char c)
{
	if (c <= '9')
		return (unsigned int)(c - '0');
	return (unsigned int)((c | 0x20) - 'a') + 10;
}

/*
 * Read one escape behind its backslash: the letters of C, up to three octal
 * digits, or x and two hexadecimal ones.  Returns how many bytes it takes, 0
 * when it is none.
 */
static size_t
read_escape(const char *s, char *to)
{
	static const char letters[] = "a\ab\bf\fn\nr\rt\tv\ve\033\\\\\"\"''??";
	static const char hex[] = "0123456789abcdefABCDEF";
	unsigned int value = 0;
	size_t n;

	for (size_t i = 0; *s != '\0' && i + 1 < sizeof(letters); i += 2)
		if (letters[i] == *s) {
			*to = letters[i + 1];
			return 1;
		}
	if (*s == 'x') {
		if (strspn(s + 1, hex) < 2)
			return 0;
		for (size_t i = 1; i <= 2; i++)
			value = value * 16 + digit(s[i]);
		*to = (char)value;
		return 3;
	}
	n = strspn(s, "01234567");
	if (n > 3)
		n = 3;
	for (size_t i = 0; i < n; i++)
		value = value * 8 + (unsigned int)(s[i] - '0');
	*to = (char)value;
	return value > 255 ? 0 : n;
}

/* Where the template is being read, and where its texts are put. */
struct reading {
	const char *s;
	char *to;
	const char *fault;
};

static int
read_literal(struct reading *r, struct piece *p)
{
	*p = (struct piece){ put_text, { r->to, 0 }, true };
	while (*r->s != '\0') {
		size_t used = 1;

		if (r->s[0] == '{' && r->s[1] != '{')
			break;
		if (*r->s == '\\') {
			if ((used = read_escape(r->s + 1, r->to)) == 0) {
				r->fault = "it has an escape that C does not "
					   "know (\\\\ is a backslash)";
				return -1;
			}
			used++;
		} else {
			*r->to = *r->s;
			used += *r->s == '{';
		}
		r->to++;
		p->text.len++;
		r->s += used;
	}
	return 0;
}

static int
read_name(struct reading *r, struct piece *p)
{
	const char *s = r->s + 1, *end = strchr(s, '}');
	size_t len;

	if (end == NULL) {
		r->fault = "a brace is not closed ({{ stands for one)";
		return -1;
	}
	len = strcspn(s, "}:");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i].name) != len ||
		    memcmp(names[i].name, s, len) != 0 ||
		    (s[len] == ':' && names[i].put != put_time))
			continue;
		*p = (struct piece){ names[i].put, { r->to, 0 }, false };
		if (s[len] == ':')
			p->text.len = (size_t)(end - s) - len - 1;
		memcpy(r->to, s + len + 1, p->text.len);
		r->to += p->text.len;
		*r->to++ = '\0';
		r->s = end + 1;
		return 0;
	}
	r->fault = "braces hold none of data, event, id, channel, url, count, "
		   "json, time, time:FORMAT ({{ stands for a brace)";
	return -1;
}

static int
read_template(struct output *out, const char *format, const char **fault)
{
	size_t len = strlen(format);
	struct reading r = { format, NULL, "out of memory" };

	/* More than there can be: a name in braces takes three bytes. */
	out->pieces = calloc(len + 1, sizeof(*out->pieces));
	out->mem = malloc(len + 1);
	r.to = out->mem;
	if (out->pieces == NULL || out->mem == NULL) {
		*fault = r.fault;
		return -1;
	}
	while (*r.s != '\0') {
		struct piece *p = &out->pieces[out->n++];
		bool name = r.s[0] == '{' && r.s[1] != '{';

		if ((name ? read_name(&r, p) : read_literal(&r, p)) == -1) {
			*fault = r.fault;
			return -1;
		}
		if (p->put == put_channel || p->put == put_json)
			out->shows_channel = true;
	}
	return 0;
}

static int
read_format(struct output *out, const char *format, const char **fault)
{
	const struct named *f = formats;
	const struct named *end = f + sizeof(formats) / sizeof(formats[0]);

	if (strchr(format, '{') != NULL)
		return read_template(out, format, fault);
	while (f < end && strcmp(format, f->name) != 0)
		f++;
	if (f == end) {
		*fault = "it is none of line, nul, sse, json, or a template "
			 "with names in braces";
		return -1;
	}
	out->pieces = calloc(2, sizeof(*out->pieces));
	if (out->pieces == NULL) {
		*fault = "out of memory";
		return -1;
	}
	out->pieces[out->n++] = (struct piece){ f->put, { "", 0 }, false };
	if (f->end.len > 0)
		out->pieces[out->n++] = (struct piece){ put_text, f->end,
			true };
	out->shows_channel = f->put != put_data;
	out->data_only = f->put == put_data;
	return 0;
}

struct output *
output_new(const char *format, const char **fault)
{
	struct output *out = calloc(1, sizeof(*out));

	if (out == NULL) {
		*fault = "out of memory";
		return NULL;
	}
	if (read_format(out, format, fault) == -1) {
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
	free(out->pieces);
	free(out->mem);
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
	return out->shows_channel ? "channel" : "";
}

bool
output_takes_blocks(const struct output *out)
{
	return out->pieces[0].put == put_sse;
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
	if (p->put(p, &out->scratch, ev, ctx) == -1)
		return -1;
	t = (struct sse_text){ out->scratch.ptr, out->scratch.len };
	if (out->terminal) {
		if (visible_append(&out->painted, t) == -1)
			return -1;
		t = (struct sse_text){ out->painted.ptr, out->painted.len };
	}
	if (out->color && p->put == put_type)
		return put_painted(b, TYPE_COLOR, t);
	if (out->color && p->put == put_id)
		return put_painted(b, ID_COLOR, t);
	if (out->color && p->put == put_sse)
		return put_block(b, t);
	return sse_buf_append(b, t.ptr, t.len);
}

static int
put_data_only(const struct output *out, struct sse_buf *b, struct sse_text data)
{
	struct sse_text end = out->pieces[1].text;

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
	return out->data_only && !out->terminal && !out->color;
}

struct sse_text
output_end(const struct output *out)
{
	return out->pieces[1].text;
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
	for (size_t i = 0; i < out->n; i++) {
		const struct piece *p = &out->pieces[i];
		int r;

		if (shown && !p->own)
			r = put_shown(out, p, b, ev, ctx);
		else
			r = p->put(p, b, ev, ctx);
		if (r == -1) {
			b->len = before;
			return -1;
		}
	}
	return 0;
}
