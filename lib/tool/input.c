#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "json.h"

/*
 * Where lines of an event stream are, for messages; the decoder has no need to
 * know.  A block ends at an empty line, however its lines end.
 */
struct lines {
	unsigned long long line;  /* the one being read */
	unsigned long long block; /* where the block being read began */
	unsigned long long ended; /* where the block that ended last began */
	size_t column;
	bool cr;    /* the last byte was CR: LF belongs to it */
	bool field; /* the block has a line that is no comment */
};

struct input {
	enum input_format format;
	size_t max_bytes;
	unsigned long long line; /* the line, or record, read next */
	unsigned long long began;
	struct sse_buf held; /* what came of a record that is not whole */
	struct sse_buf utf8; /* a record whose text had to be mended */
	bool skipping;       /* over the rest of a record that is too long */
	bool ended;          /* whole: the one event was handed out */
	bool unfinished;     /* sse: the last input broke off in a block */
	struct json_event json;
	struct sse_decoder *decoder;
	struct lines lines;
	char fault[160];
	bool large; /* the fault is that */
};

static const char *const names[] = {
	[INPUT_LINE] = "line",
	[INPUT_NUL] = "nul",
	[INPUT_WHOLE] = "whole",
	[INPUT_SSE] = "sse",
	[INPUT_JSON] = "json",
};

int
input_format_parse(const char *name, enum input_format *f)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*f = (enum input_format)i;
			return 0;
		}
	return -1;
}

static void
start(struct input *in)
{
	in->line = 1;
	in->skipping = false;
	in->held.len = 0;
	in->lines = (struct lines){ .line = 1, .block = 1, .ended = 1 };
}

struct input *
input_new(enum input_format f, size_t max_bytes)
{
	struct input *in;

	if ((in = calloc(1, sizeof(*in))) == NULL)
		return NULL;
	in->format = f;
	in->max_bytes = max_bytes != 0 ? max_bytes : SSE_MAX_BYTES_DEFAULT;
	start(in);
	if (f == INPUT_SSE) {
		in->decoder = sse_decoder_new(in->max_bytes);
		if (in->decoder == NULL) {
			input_free(in);
			return NULL;
		}
		sse_decoder_ask(in->decoder, SSE_ASK_FIELDS);
	}
	return in;
}

void
input_free(struct input *in)
{
	if (in == NULL)
		return;
	sse_buf_free(&in->held);
	sse_buf_free(&in->utf8);
	json_event_free(&in->json);
	sse_decoder_free(in->decoder);
	free(in);
}

static int fault(struct input *in, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int
fault(struct input *in, const char *fmt, ...)
{
	const char *what = in->format == INPUT_NUL ? "record" : "line";
	int len = 0;
	va_list ap;

	if (in->format != INPUT_WHOLE)
		len = snprintf(
		    in->fault, sizeof(in->fault), "%s %llu: ", what, in->began);
	va_start(ap, fmt);
	in->large = false;
	vsnprintf(in->fault + len, sizeof(in->fault) - (size_t)len, fmt, ap);
	va_end(ap);
	return -1;
}

static bool
blank(struct sse_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.ptr[i] != ' ' && t.ptr[i] != '\t' && t.ptr[i] != '\r')
			return false;
	return true;
}

/* As UTF-8 that is valid: t itself, or a mended copy in in->utf8. */
static int
mend(struct input *in, struct sse_text *t)
{
	if (sse_utf8_valid(t->ptr, t->len) == t->len)
		return 0;
	in->utf8.len = 0;
	if (sse_utf8_append(&in->utf8, t->ptr, t->len) == -1)
		return -1;
	*t = (struct sse_text){ in->utf8.ptr, in->utf8.len };
	return 0;
}

/*
 * A record is whole.  Returns as input_feed(); 0: it is no event.
 */
static int
record(struct input *in, struct sse_text t, struct event *ev)
{
	const char *why;
	int r;

	if (in->format == INPUT_LINE && t.len > 0 && t.ptr[t.len - 1] == '\r')
		t.len--;
	if (mend(in, &t) == -1)
		return -2;
	if (in->format != INPUT_JSON) {
		event_clear(ev);
		ev->data = t;
		ev->has_data = true;
		return 1;
	}
	if (blank(t))
		return 0;
	if ((r = json_decode_event(&in->json, t.ptr, t.len, &why)) == -1)
		return fault(in, "%s", why);
	*ev = in->json.ev;
	return r == 0 ? 1 : r;
}

static int
too_long(struct input *in)
{
	(void)fault(
	    in, "an event of more than %zu bytes is refused", in->max_bytes);
	in->large = true;
	return -1;
}

/* Keep a piece of a record whose end has not come. */
static int
hold(struct input *in, const char *p, size_t len)
{
	if (in->skipping)
		return 0;
	if (len <= in->max_bytes && in->held.len <= in->max_bytes - len)
		return sse_buf_append(&in->held, p, len) == -1 ? -2 : 0;
	in->skipping = true;
	in->began = in->line;
	sse_buf_free(&in->held);
	return too_long(in);
}

/* The record that ends with the len bytes at p; they may be all of it. */
static int
finish(struct input *in, const char *p, size_t len, struct event *ev)
{
	struct sse_text t = { p, len };
	bool skipped = in->skipping;
	size_t kept = in->held.len;
	int r = 0;

	if (kept > 0 || len > in->max_bytes) {
		r = hold(in, p, len);
		t = (struct sse_text){ in->held.ptr, in->held.len };
	}
	in->began = in->line;
	if (r == 0 && !skipped)
		r = record(in, t, ev);
	if (r == -2) {
		in->held.len = kept;
		return -2;
	}
	in->line++;
	in->skipping = false;
	in->held.len = 0;
	return r;
}

static int
feed_records(struct input *in, const char *buf, size_t len, size_t *used,
    struct event *ev)
{
	const int end = in->format == INPUT_NUL ? '\0' : '\n';
	const char *p = buf, *stop = buf + len, *found;
	int r = 0;

	while (p < stop && in->format != INPUT_WHOLE &&
	    (found = memchr(p, end, (size_t)(stop - p))) != NULL) {
		r = finish(in, p, (size_t)(found - p), ev);
		if (r != -2)
			p = found + 1;
		*used = (size_t)(p - buf);
		if (r != 0)
			return r;
	}
	if (p < stop)
		r = hold(in, p, (size_t)(stop - p));
	*used = r == -2 ? (size_t)(p - buf) : len;
	return r;
}

static void
lines_pass(struct lines *l, const char *p, size_t len)
{
	for (const char *end = p + len; p < end; p++) {
		if (*p == '\n' && l->cr) {
			l->cr = false;
			continue;
		}
		l->cr = *p == '\r';
		if (*p != '\n' && *p != '\r') {
			if (l->column++ == 0 && *p != ':')
				l->field = true;
			while (p + 1 < end && (unsigned char)p[1] > '\r')
				p++;
			continue;
		}
		l->line++;
		if (l->column == 0) {
			l->ended = l->block;
			l->block = l->line;
			l->field = false;
		}
		l->column = 0;
	}
}

static int
feed_sse(struct input *in, const char *buf, size_t len, size_t *used,
    struct event *ev)
{
	const struct sse_event *from;
	const char *what;
	int r;

	r = sse_decoder_feed(in->decoder, buf, len, used, &from);
	lines_pass(&in->lines, buf, *used);
	if (r == 0)
		return 0;
	if (r == -1) {
		if (errno != EMSGSIZE)
			return -2;
		in->began = in->lines.block;
		return too_long(in);
	}
	in->began = in->lines.ended;
	if (event_decode(ev, in->decoder, from, &what) == -1)
		return fault(in, "field %s is malformed", what);
	return 1;
}

int
input_feed(struct input *in, const void *buf, size_t len, size_t *used,
    struct event *ev)
{
	*used = 0;
	if (len == 0)
		return 0;
	return in->format == INPUT_SSE ? feed_sse(in, buf, len, used, ev)
				       : feed_records(in, buf, len, used, ev);
}

int
input_end(struct input *in, struct event *ev)
{
	bool left = in->format == INPUT_WHOLE ? !in->ended : in->held.len > 0;
	int r;

	in->unfinished = in->lines.field;
	if (left) {
		if ((r = finish(in, "", 0, ev)) == -2)
			return -2;
		in->ended = true;
		if (r != 0)
			return r;
	}
	if (in->decoder != NULL)
		sse_decoder_reset(in->decoder);
	in->ended = false;
	start(in);
	return 0;
}

bool
input_unfinished(const struct input *in)
{
	return in->unfinished;
}

const char *
input_fault(const struct input *in)
{
	return in->fault;
}

bool
input_too_large(const struct input *in)
{
	return in->large;
}

unsigned long long
input_line(const struct input *in)
{
	return in->began;
}
