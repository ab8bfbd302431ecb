#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"

#define EXPIRES_DIGITS 12 /* whole seconds: some thirty thousand years */

struct sse_text
text_of(const char *s)
{
	return (struct sse_text){ s, s == NULL ? 0 : strlen(s) };
}

struct sse_text
text_cut(struct sse_text *t, char sep)
{
	const char *at = t->len > 0 ? memchr(t->ptr, sep, t->len) : NULL;
	struct sse_text part = *t;

	if (at == NULL) {
		t->len = 0;
		return part;
	}
	part.len = (size_t)(at - t->ptr);
	t->ptr += part.len + 1;
	t->len -= part.len + 1;
	return part;
}

static bool
text_starts(struct sse_text t, const char *s)
{
	size_t len = strlen(s);

	return t.len >= len && memcmp(t.ptr, s, len) == 0;
}

/* "client:" and "group:" alone are nobody's. */
static bool
names_nobody(struct sse_text channel)
{
	return text_is(channel, "client:") || text_is(channel, "group:");
}

static bool
text_has_any(struct sse_text t, const char *bytes, size_t n)
{
	for (size_t i = 0; t.len > 0 && i < n; i++)
		if (memchr(t.ptr, bytes[i], t.len) != NULL)
			return true;
	return false;
}

/* The code point that starts at s, which is valid UTF-8; *len its bytes. */
static uint32_t
code_point(const unsigned char *s, size_t *len)
{
	if (s[0] < 0x80) {
		*len = 1;
		return s[0];
	}
	if (s[0] < 0xe0) {
		*len = 2;
		return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	}
	if (s[0] < 0xf0) {
		*len = 3;
		return (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 |
		    (s[2] & 0x3fu);
	}
	*len = 4;
	return (s[0] & 0x7u) << 18 | (s[1] & 0x3fu) << 12 |
	    (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
}

/* Control characters (C0, DEL, C1) and all of Unicode's White_Space. */
static bool
control_or_space(uint32_t c)
{
	return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x1680 ||
	    (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
	    c == 0x202f || c == 0x205f || c == 0x3000;
}

bool
channel_valid(struct sse_text name)
{
	const unsigned char *s = (const unsigned char *)name.ptr;
	size_t len;

	if (name.len == 0 || name.len > CHANNEL_MAX ||
	    text_has_any(name, "*?[]\\,", 6) ||
	    sse_utf8_valid(name.ptr, name.len) != name.len)
		return false;
	for (size_t i = 0; i < name.len; i += len)
		if (control_or_space(code_point(s + i, &len)))
			return false;
	return true;
}

bool
channel_reserved(struct sse_text name)
{
	return text_is(name, "broadcast") || text_is(name, "presence") ||
	    text_starts(name, "client:") || text_starts(name, "group:");
}

/* Words joined by one space each; with label, each of them is "key=value". */
static bool
words_valid(struct sse_text t, bool label)
{
	const char *end = t.ptr + t.len, *word = t.ptr;

	for (const char *p = word; p <= end; p++) {
		if (p < end && *p != ' ') {
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				return false;
			continue;
		}
		if (p == word || (label && *word == '=') ||
		    (label && memchr(word, '=', (size_t)(p - word)) == NULL))
			return false;
		word = p + 1;
	}
	return true;
}

/* Seconds of Unix time, with or without a fraction, cut to milliseconds. */
static int
expires_parse(struct sse_text t, int64_t *ms)
{
	size_t i, places = 3;
	int64_t n = 0;

	for (i = 0; i < t.len && t.ptr[i] >= '0' && t.ptr[i] <= '9'; i++) {
		if (i == EXPIRES_DIGITS)
			return -1;
		n = n * 10 + (t.ptr[i] - '0');
	}
	if (i == 0)
		return -1;
	if (i < t.len && (t.ptr[i++] != '.' || i == t.len))
		return -1;
	for (; i < t.len && t.ptr[i] >= '0' && t.ptr[i] <= '9'; i++) {
		if (places == 0)
			continue;
		n = n * 10 + (t.ptr[i] - '0');
		places--;
	}
	if (i < t.len)
		return -1;
	while (places-- > 0)
		n *= 10;
	*ms = n;
	return 0;
}

struct sse_text
event_expires(int64_t ms, char buf[static EVENT_EXPIRES_LEN])
{
	int len = snprintf(buf, EVENT_EXPIRES_LEN, "%" PRId64, ms / 1000);

	if (ms % 1000 != 0) {
		len += snprintf(buf + len, EVENT_EXPIRES_LEN - (size_t)len,
		    ".%03" PRId64, ms % 1000);
		while (buf[len - 1] == '0')
			len--;
	}
	return (struct sse_text){ buf, (size_t)len };
}

static int
set_channel(struct event *ev, struct sse_text value)
{
	if (value.len > 0 && !channel_valid(value))
		return -1;
	ev->channel = value;
	return 1;
}

static int
set_match(struct event *ev, struct sse_text value)
{
	if (value.len > 0 && !words_valid(value, true))
		return -1;
	ev->match = value;
	return 1;
}

static int
set_priority(struct event *ev, struct sse_text value)
{
	bool high = text_is(value, "high");

	if (value.len > 0 && !high && !text_is(value, "normal"))
		return -1;
	ev->high = high;
	return 1;
}

static int
set_expires(struct event *ev, struct sse_text value)
{
	int64_t ms = -1;

	if (value.len > 0 && expires_parse(value, &ms) == -1)
		return -1;
	ev->expires_ms = ms;
	return 1;
}

static int
set_origin(struct event *ev, struct sse_text value)
{
	if (text_has_any(value, "\r\n", 3))
		return -1;
	ev->origin = value;
	return 1;
}

static int
set_via(struct event *ev, struct sse_text value)
{
	if (value.len > 0 && !words_valid(value, false))
		return -1;
	ev->via = value;
	return 1;
}

static const struct routing {
	const char *name;
	int (*set)(struct event *ev, struct sse_text value);
} routing[] = {
	{ "channel", set_channel },
	{ "match", set_match },
	{ "priority", set_priority },
	{ "expires", set_expires },
	{ "origin", set_origin },
	{ "via", set_via },
};

static const struct routing *
routing_find(struct sse_text name)
{
	for (size_t i = 0; i < sizeof(routing) / sizeof(routing[0]); i++)
		if (text_is(name, routing[i].name))
			return &routing[i];
	return NULL;
}

int
event_set_field(struct event *ev, struct sse_text name, struct sse_text value)
{
	const struct routing *r = routing_find(name);

	return r == NULL ? 0 : r->set(ev, value);
}

bool
event_type_reserved(const struct event *ev)
{
	/* A relay passes on what was lost on its way. */
	return text_starts(ev->type, "sse:") &&
	    !(text_is(ev->type, "sse:gap") && ev->via.len > 0);
}

const char *
event_fault(const struct event *ev)
{
	if (ev->channel.len > 0 && !channel_valid(ev->channel))
		return "channel name is out of bounds (1 to 200 bytes, no "
		       "white space, none of *?[]\\,)";
	if (text_is(ev->channel, "presence"))
		return "only sse-serve itself publishes to presence";
	if (names_nobody(ev->channel))
		return "client: and group: want a name behind the colon";
	if (event_type_reserved(ev))
		return "event types that begin with sse: are reserved";
	if (text_has_any(ev->type, "\r\n", 2))
		return "event type has a line break";
	if (ev->has_id && text_has_any(ev->id, "\r\n", 3))
		return "event ID has a line break or NUL";
	return NULL;
}

static int
encode_words(struct sse_buf *b, struct sse_text name, struct sse_text value)
{
	return value.len == 0 ? 0 : sse_encode_field(b, name, value);
}

int
event_encode_routing(struct sse_buf *b, const struct event *ev)
{
	char expires[EVENT_EXPIRES_LEN];
	size_t before = b->len;

	if (encode_words(b, TEXT("match"), ev->match) == 0 &&
	    (!ev->high ||
		sse_encode_field(b, TEXT("priority"), TEXT("high")) == 0) &&
	    (ev->expires_ms < 0 ||
		sse_encode_field(b, TEXT("expires"),
		    event_expires(ev->expires_ms, expires)) == 0) &&
	    encode_words(b, TEXT("origin"), ev->origin) == 0 &&
	    encode_words(b, TEXT("via"), ev->via) == 0)
		return 0;
	b->len = before;
	return -1;
}

int
event_encode(struct sse_buf *b, const struct event *ev)
{
	struct sse_event std = { ev->type, ev->data, ev->id, ev->retry_ms, 0 };
	size_t before = b->len;

	if (ev->has_id)
		std.has |= SSE_HAS_ID;
	if (ev->retry_ms >= 0)
		std.has |= SSE_HAS_RETRY;
	if (ev->has_data)
		std.has |= SSE_HAS_DATA;
	if (ev->type.len > 0)
		std.has |= SSE_HAS_EVENT;
	if (encode_words(b, TEXT("channel"), ev->channel) == 0 &&
	    event_encode_routing(b, ev) == 0 && sse_encode_event(b, &std) == 0)
		return 0;
	b->len = before;
	return -1;
}

int
event_decode(struct event *ev, const struct sse_decoder *d,
    const struct sse_event *from, const char **what)
{
	const struct routing *r;
	const char *bad = NULL;
	struct sse_field field;
	size_t iter = 0;

	event_clear(ev);
	if ((from->has & SSE_HAS_EVENT) != 0 && !text_is(from->type, "message"))
		ev->type = from->type;
	ev->data = from->data;
	ev->has_data = (from->has & SSE_HAS_DATA) != 0;
	ev->has_id = (from->has & SSE_HAS_ID) != 0;
	if (ev->has_id)
		ev->id = from->id;
	ev->retry_ms = from->retry_ms;
	while (sse_decoder_field(d, &iter, &field) == 1) {
		r = routing_find(field.name);
		if (r != NULL && r->set(ev, field.value) == -1 && bad == NULL)
			bad = r->name;
	}
	if (bad == NULL)
		return 0;
	*what = bad;
	errno = EINVAL;
	return -1;
}

static struct sse_text
text_copy(char **to, struct sse_text from)
{
	struct sse_text copy = { *to, from.len };

	if (from.len > 0)
		memcpy(*to, from.ptr, from.len);
	*to += from.len;
	return copy;
}

struct event *
event_dup(const struct event *ev)
{
	struct event *copy;
	char *text;

	copy = malloc(sizeof(*copy) + ev->channel.len + ev->type.len +
	    ev->id.len + ev->data.len + ev->match.len + ev->origin.len +
	    ev->via.len);
	if (copy == NULL)
		return NULL;
	text = (char *)(copy + 1);
	*copy = *ev;
	copy->channel = text_copy(&text, ev->channel);
	copy->type = text_copy(&text, ev->type);
	copy->id = text_copy(&text, ev->id);
	copy->data = text_copy(&text, ev->data);
	copy->match = text_copy(&text, ev->match);
	copy->origin = text_copy(&text, ev->origin);
	copy->via = text_copy(&text, ev->via);
	return copy;
}
