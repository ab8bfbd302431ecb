#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json.h"
#include "put.h"

#define EXPIRES_MAX 1e12 /* seconds, as event_set_field() bounds it */

/* Bytes of a string literal that stand for themselves. */
static size_t
plain(const unsigned char *s, size_t len)
{
	const uint64_t ones = UINT64_MAX / 0xff, tops = ones * 0x80;
	uint64_t w, quote, slash;
	size_t i = 0;

	/* Eight at once, as long as none of them can be another. */
	for (; i + sizeof(w) <= len; i += sizeof(w)) {
		memcpy(&w, s + i, sizeof(w));
		quote = w ^ ones * '"';
		slash = w ^ ones * '\\';
		if ((((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) |
			((slash - ones) & ~slash)) &
		    tops)
			break;
	}
	while (i < len && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

static int
escape(struct sse_buf *b, unsigned char c)
{
	static const char letters[] = "b\bt\tn\nf\fr\r\"\"\\\\";
	char hex[8];
	int len;

	for (size_t i = 0; i + 1 < sizeof(letters); i += 2)
		if ((unsigned char)letters[i + 1] == c)
			return sse_buf_append(
			    b, (char[]){ '\\', letters[i] }, 2);
	len = snprintf(hex, sizeof(hex), "\\u%04x", c);
	return sse_buf_append(b, hex, (size_t)len);
}

static inline int
put(struct sse_buf *b, const char *s)
{
	return put_bytes(b, s, strlen(s));
}

static int
put_string(struct sse_buf *b, struct sse_text t)
{
	const unsigned char *s = (const unsigned char *)t.ptr;
	size_t i = 0, n;

	/* The usual text needs no escape, so room for it is made at once. */
	if (sse_buf_reserve(b, t.len + 2) == -1 || put(b, "\"") == -1)
		return -1;
	while (i < t.len) {
		n = plain(s + i, t.len - i);
		if (put_bytes(b, (const char *)s + i, n) == -1)
			return -1;
		i += n;
		if (i < t.len && escape(b, s[i++]) == -1)
			return -1;
	}
	return put(b, "\"");
}

int
json_encode_text(struct sse_buf *b, struct sse_text t)
{
	size_t before = b->len;

	if (put_string(b, t) == 0)
		return 0;
	b->len = before;
	return -1;
}

/* The name of a member, behind a comma unless it is the first. */
static inline int
put_name(struct sse_buf *b, const char *name)
{
	if (b->ptr[b->len - 1] != '{' && put(b, ",") == -1)
		return -1;
	return put(b, "\"") == -1 || put(b, name) == -1 || put(b, "\":") == -1
	    ? -1
	    : 0;
}

static int
put_text(struct sse_buf *b, const char *name, struct sse_text t)
{
	if (t.len == 0)
		return 0;
	return put_name(b, name) == -1 ? -1 : put_string(b, t);
}

/* Words joined by one space each, as an array. */
static int
put_words(struct sse_buf *b, const char *name, struct sse_text t)
{
	const char *end, *p = t.ptr, *space;

	if (t.len == 0)
		return 0;
	if (put_name(b, name) == -1)
		return -1;
	end = t.ptr + t.len;
	do {
		space = memchr(p, ' ', (size_t)(end - p));
		if (space == NULL)
			space = end;
		if (put(b, p == t.ptr ? "[" : ",") == -1 ||
		    put_string(
			b, (struct sse_text){ p, (size_t)(space - p) }) == -1)
			return -1;
		p = space + 1;
	} while (space < end);
	return put(b, "]");
}

static int
put_number(struct sse_buf *b, const char *name, struct sse_text digits)
{
	return put_name(b, name) == -1
	    ? -1
	    : sse_buf_append(b, digits.ptr, digits.len);
}

/* Is it a JSON value?  Its numbers may be of any size. */
static bool
is_json(struct sse_text t)
{
	json_t *v = json_loadb(t.len > 0 ? t.ptr : "", t.len,
	    JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);

	json_decref(v);
	return v != NULL;
}

/* As it was written, on one line: only between tokens can there be breaks. */
static int
put_json(struct sse_buf *b, struct sse_text t)
{
	size_t from = b->len;

	if (sse_buf_append(b, t.ptr, t.len) == -1)
		return -1;
	for (size_t i = from; i < b->len; i++)
		if (b->ptr[i] == '\n' || b->ptr[i] == '\r')
			b->ptr[i] = ' ';
	return 0;
}

static int
put_data(struct sse_buf *b, const struct event *ev, bool json)
{
	if (!ev->has_data)
		return 0;
	if (put_name(b, "data") == -1)
		return -1;
	return json && is_json(ev->data) ? put_json(b, ev->data)
					 : put_string(b, ev->data);
}

static int
put_retry(struct sse_buf *b, int64_t retry_ms)
{
	char digits[24];
	int len;

	if (retry_ms < 0)
		return 0;
	len = snprintf(digits, sizeof(digits), "%lld", (long long)retry_ms);
	return put_number(b, "retry", (struct sse_text){ digits, (size_t)len });
}

static int
put_expires(struct sse_buf *b, int64_t ms)
{
	char text[EVENT_EXPIRES_LEN];

	return ms < 0 ? 0 : put_number(b, "expires", event_expires(ms, text));
}

int
json_encode_event(struct sse_buf *b, const struct event *ev)
{
	return json_encode_more(b, ev, &(struct json_more){ .data = false });
}

int
json_encode_more(
    struct sse_buf *b, const struct event *ev, const struct json_more *more)
{
	size_t before = b->len;

	if (put(b, "{") == 0 && put_text(b, "channel", ev->channel) == 0 &&
	    (!ev->has_id ||
		(put_name(b, "id") == 0 && put_string(b, ev->id) == 0)) &&
	    put_text(b, "event", ev->type) == 0 &&
	    put_data(b, ev, more->data) == 0 &&
	    put_retry(b, ev->retry_ms) == 0 &&
	    put_words(b, "match", ev->match) == 0 &&
	    put_text(b, "priority", text_of(ev->high ? "high" : NULL)) == 0 &&
	    put_expires(b, ev->expires_ms) == 0 &&
	    put_text(b, "origin", ev->origin) == 0 &&
	    put_words(b, "via", ev->via) == 0 &&
	    put_text(b, "url", more->url) == 0 && put(b, "}\n") == 0)
		return 0;
	b->len = before;
	return -1;
}

static struct sse_text
string_of(const json_t *v)
{
	return (struct sse_text){ json_string_value(v), json_string_length(v) };
}

static int fail(struct json_event *je, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int
fail(struct json_event *je, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(je->fault, sizeof(je->fault), fmt, ap);
	va_end(ap);
	for (char *p = je->fault; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return -1;
}

/* "match" and "via": an array of strings, joined by one space in je->text. */
static int
take_words(struct json_event *je, const char *name, const json_t *v)
{
	size_t from = je->text.len, i;
	const json_t *word;

	if (!json_is_array(v))
		return fail(je, "%s is not an array of strings", name);
	json_array_foreach(v, i, word) {
		struct sse_text t = string_of(word);

		if (!json_is_string(word))
			return fail(je, "%s is not an array of strings", name);
		/* A space within would make two words of one. */
		if (t.len == 0 || memchr(t.ptr, ' ', t.len) != NULL)
			return fail(je, "%s is malformed", name);
		if ((i > 0 && sse_buf_append(&je->text, " ", 1) == -1) ||
		    sse_buf_append(&je->text, t.ptr, t.len) == -1)
			return -2;
	}
	if (event_set_field(&je->ev, text_of(name),
		(struct sse_text){
		    je->text.ptr + from, je->text.len - from }) == -1)
		return fail(je, "%s is malformed", name);
	return 0;
}

static int
take_retry(struct json_event *je, const json_t *v)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return fail(je, "retry is not a count of milliseconds");
	je->ev.retry_ms = json_integer_value(v);
	if (je->ev.retry_ms > SSE_RETRY_MAX_MS)
		je->ev.retry_ms = SSE_RETRY_MAX_MS;
	return 0;
}

static int
take_expires(struct json_event *je, const json_t *v)
{
	double seconds = json_number_value(v);

	if (!json_is_number(v) || seconds < 0 || seconds >= EXPIRES_MAX)
		return fail(je, "expires is not a time");
	je->ev.expires_ms = (int64_t)(seconds * 1000 + 0.5);
	return 0;
}

static int
take_string(struct json_event *je, const char *name, const json_t *v)
{
	struct sse_text t = string_of(v);
	struct event *ev = &je->ev;

	if (!json_is_string(v))
		return fail(je, "%s is not a string", name);
	if (strcmp(name, "data") == 0) {
		ev->data = t;
		ev->has_data = true;
	} else if (strcmp(name, "id") == 0) {
		ev->id = t;
		ev->has_id = true;
	} else if (strcmp(name, "event") == 0) {
		ev->type = t;
		if (text_is(t, "message"))
			ev->type.len = 0;
	} else if (event_set_field(ev, text_of(name), t) == -1)
		return fail(je, "%s is malformed", name);
	return 0;
}

static int
take_member(struct json_event *je, const char *name, const json_t *v)
{
	static const char *const strings[] = { "data", "id", "event", "channel",
		"priority", "origin" };

	/*
	 * Serializers write null for what is absent; url is where sse-tail had
	 * the event from.
	 */
	if (json_is_null(v) || strcmp(name, "url") == 0)
		return 0;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (strcmp(name, strings[i]) == 0)
			return take_string(je, name, v);
	if (strcmp(name, "retry") == 0)
		return take_retry(je, v);
	if (strcmp(name, "expires") == 0)
		return take_expires(je, v);
	if (strcmp(name, "match") == 0 || strcmp(name, "via") == 0)
		return take_words(je, name, v);
	return fail(je, "unknown member \"%.40s\"", name);
}

/* Where the reader stumbled; its own text may quote the line at any length. */
static int
fail_syntax(struct json_event *je, const json_error_t *e)
{
	if (json_error_code(e) == json_error_duplicate_key)
		return fail(je, "a member stands twice (column %d)", e->column);
	return fail(je, "not a JSON object (column %d)", e->column);
}

/*
 * What is joined in je->text must not move while the event points there, so
 * room for all of it, which is never more than the line, is made at first.
 */
static int
read_line(struct json_event *je, const char *line, size_t len)
{
	json_error_t e;
	const char *name;
	json_t *v;
	int r;

	if (sse_buf_reserve(&je->text, len) == -1)
		return -2;
	je->root = json_loadb(
	    line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
	if (je->root == NULL)
		return json_error_code(&e) == json_error_out_of_memory
		    ? -2
		    : fail_syntax(je, &e);
	if (!json_is_object((json_t *)je->root))
		return fail(je, "not a JSON object");
	json_object_foreach(je->root, name, v)
		if ((r = take_member(je, name, v)) != 0)
			return r;
	if (!je->ev.has_data)
		return fail(je, "no member \"data\"");
	return 0;
}

int
json_decode_event(
    struct json_event *je, const char *line, size_t len, const char **fault)
{
	int r;

	json_event_clear(je);
	r = read_line(je, line, len);
	if (r == 0)
		return 0;
	json_event_clear(je);
	if (r == -2) {
		errno = ENOMEM;
		return -2;
	}
	*fault = je->fault;
	return -1;
}

void
json_event_clear(struct json_event *je)
{
	json_decref(je->root);
	je->root = NULL;
	je->text.len = 0;
	event_clear(&je->ev);
}

void
json_event_free(struct json_event *je)
{
	json_event_clear(je);
	sse_buf_free(&je->text);
}
