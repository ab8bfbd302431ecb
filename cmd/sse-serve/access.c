#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "access.h"
#include "event.h"
#include "http.h"
#include "units.h"
#include "visible.h"

void
caller_read(struct caller *c, const char *buf, size_t len)
{
	struct http_head h;
	size_t line = 0;
	int status;

	memset(c, 0, sizeof(*c));
	if (http_parse(buf, len, &h, &status) > 0) {
		c->method = h.method;
		c->target = h.target;
		c->referer = http_field(&h, "Referer");
		c->agent = http_field(&h, "User-Agent");
		c->minor = h.minor;
		return;
	}
	while (line < len && buf[line] != '\r' && buf[line] != '\n')
		line++;
	c->target = (struct sse_text){ buf, line };
}

static void
keep(struct sse_text *t, char **at)
{
	if (t->len > ACCESS_TEXT_MAX)
		t->len = ACCESS_TEXT_MAX;
	if (t->len > 0)
		memcpy(*at, t->ptr, t->len);
	t->ptr = *at;
	*at += t->len;
}

char *
caller_keep(struct caller *c)
{
	char *mem = malloc(4 * ACCESS_TEXT_MAX + 1), *at = mem, *fits;

	if (mem == NULL)
		return NULL;
	keep(&c->method, &at);
	keep(&c->target, &at);
	keep(&c->referer, &at);
	keep(&c->agent, &at);
	/* It may stay for days. */
	if ((fits = malloc((size_t)(at - mem) + 1)) == NULL) {
		free(mem);
		return NULL;
	}
	memcpy(fits, mem, (size_t)(at - mem));
	c->method.ptr = fits + (c->method.ptr - mem);
	c->target.ptr = fits + (c->target.ptr - mem);
	c->referer.ptr = fits + (c->referer.ptr - mem);
	c->agent.ptr = fits + (c->agent.ptr - mem);
	free(mem);
	return fits;
}

__attribute__((format(printf, 2, 3))) static int
put(struct sse_buf *b, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return sse_buf_append(b, text, (size_t)n);
}

/* Quotes and backslashes are our own; the rest is made visible. */
static int
put_text(struct sse_buf *b, struct sse_text t)
{
	size_t len = t.len < ACCESS_TEXT_MAX ? t.len : ACCESS_TEXT_MAX;
	int error = 0;

	for (size_t i = 0; i < len && error == 0;) {
		size_t n = i;

		while (n < len && strchr("\"\\\n\t", t.ptr[n]) == NULL)
			n++;
		error = visible_append(
		    b, (struct sse_text){ t.ptr + i, n - i });
		if (error == 0 && n < len)
			error = put(b, "\\x%02x", (unsigned char)t.ptr[n++]);
		i = n;
	}
	if (error == 0 && len < t.len)
		error = put(b, "...");
	return error;
}

static int
put_quoted(struct sse_buf *b, struct sse_text t)
{
	if (t.len == 0)
		return put(b, " \"-\"");
	return put(b, " \"") == -1 || put_text(b, t) == -1 || put(b, "\"") == -1
	    ? -1
	    : 0;
}

/* The names of months are the format's, not the locale's. */
static int
put_time(struct sse_buf *b, int64_t ms)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL)
		return put(b, " [-]");
	return put(b, " [%02d/%s/%04d:%02d:%02d:%02d +0000]", tm.tm_mday,
	    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
}

static int
put_request(struct sse_buf *b, const struct caller *c)
{
	if (c->method.len == 0)
		return put_quoted(b, c->target);
	return put(b, " \"") == -1 || put_text(b, c->method) == -1 ||
		put(b, " ") == -1 || put_text(b, c->target) == -1 ||
		put(b, " HTTP/1.%d\"", c->minor) == -1
	    ? -1
	    : 0;
}

/* What the format has no place for stands behind it. */
static int
put_stream(struct sse_buf *b, const struct access *a)
{
	int64_t ms = a->now_ms > a->since_ms ? a->now_ms - a->since_ms : 0;

	if (a->kind == ACCESS_REQUEST)
		return 0;
	if (a->kind == ACCESS_BEGIN)
		return put(b, " %s begin", a->id);
	return put(b, " %s end %s %" PRId64 ".%03d %" PRIu64, a->id, a->why,
	    ms / 1000, (int)(ms % 1000), a->events);
}

static int
append_combined(struct sse_buf *b, const struct access *a)
{
	char addr[ADDR_LEN];

	if (put(b, "%s - ", addr_format(&a->addr, addr)) == -1 ||
	    (a->client.len == 0 ? put(b, "-") : put_text(b, a->client)) == -1)
		return -1;
	return put_time(b, a->now_ms) == -1 ||
		put_request(b, &a->caller) == -1 ||
		put(b, " %d %" PRIu64, a->status, a->bytes) == -1 ||
		put_quoted(b, a->caller.referer) == -1 ||
		put_quoted(b, a->caller.agent) == -1 ||
		put_stream(b, a) == -1 || put(b, "\n") == -1
	    ? -1
	    : 0;
}

/* JSON is UTF-8, whatever came.  Empty: null. */
static json_t *
json_of(struct sse_text t)
{
	struct sse_buf b = { 0 };
	json_t *json = NULL;

	if (t.len == 0)
		return json_null();
	if (t.len > ACCESS_TEXT_MAX)
		t.len = ACCESS_TEXT_MAX;
	if (sse_utf8_append(&b, t.ptr, t.len) == 0)
		json = json_stringn(b.ptr, b.len);
	sse_buf_free(&b);
	return json;
}

static json_t *
json_time(int64_t ms)
{
	char text[CLOCK_TEXT_LEN];

	return json_string(clock_text(ms, text));
}

static json_t *
json_of_access(const struct access *a)
{
	static const char *const kinds[] = { "request", "begin", "end" };
	const struct caller *c = &a->caller;
	char addr[ADDR_LEN];
	json_t *o = json_pack(
	    "{s:o, s:s, s:s, s:o, s:o, s:o, s:i, s:I, s:o, s:o}", "time",
	    json_time(a->now_ms), "what", kinds[a->kind], "address",
	    addr_format(&a->addr, addr), "client", json_of(a->client), "method",
	    json_of(c->method), "target", json_of(c->target), "status",
	    a->status, "bytes", (json_int_t)a->bytes, "referer",
	    json_of(c->referer), "agent", json_of(c->agent));

	if (o == NULL || a->kind == ACCESS_REQUEST)
		return o;
	if (json_object_set_new(o, "id", json_string(a->id)) == -1)
		goto fail;
	if (a->kind == ACCESS_BEGIN)
		return o;
	if (json_object_set_new(o, "reason", json_string(a->why)) == -1 ||
	    json_object_set_new(o, "duration",
		json_real((double)(a->now_ms - a->since_ms) / 1000)) == -1 ||
	    json_object_set_new(
		o, "events", json_integer((json_int_t)a->events)) == -1)
		goto fail;
	return o;
fail:
	json_decref(o);
	return NULL;
}

static int
append_json(struct sse_buf *b, const struct access *a)
{
	json_t *o = json_of_access(a);
	char *text = o == NULL
	    ? NULL
	    : json_dumps(o,
		  JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
	int error = text == NULL ||
	    sse_buf_append(b, text, strlen(text)) == -1 || put(b, "\n") == -1;

	free(text);
	json_decref(o);
	return error ? -1 : 0;
}

int
access_append(
    struct sse_buf *b, const struct access *a, enum access_format format)
{
	size_t before = b->len;
	int error = format == ACCESS_JSON ? append_json(b, a)
					  : append_combined(b, a);

	if (error == -1)
		b->len = before;
	return error;
}
