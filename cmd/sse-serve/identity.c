#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "identity.h"

static const struct sse_text everyones[] = { TEXT_INIT("broadcast") };

static const struct identity anyone = {
	.own = { everyones, 1 },
	.expires_ms = -1,
};
static const struct identity administrator = {
	.own = { everyones, 1 },
	.admin = true,
	.may_route = true,
	.expires_ms = -1,
};

const struct identity *
identity_anonymous(bool admin)
{
	return admin ? &administrator : &anyone;
}

static bool
same(struct sse_text a, struct sse_text b)
{
	return a.len == b.len &&
	    (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool
starts(struct sse_text t, const char *with, size_t len)
{
	return t.len >= len && memcmp(t.ptr, with, len) == 0;
}

/* How much of a reserved channel's name is its family; 0: it is plain. */
static size_t
family_len(struct sse_text channel)
{
	if (!channel_reserved(channel))
		return 0;
	if (starts(channel, "client:", 7))
		return 7;
	return starts(channel, "group:", 6) ? 6 : channel.len;
}

/* The bytes of the character at s. */
static size_t
step(const char *s, const char *end)
{
	const char *p = s + 1;

	while (p < end && ((unsigned char)*p & 0xc0) == 0x80)
		p++;
	return (size_t)(p - s);
}

static bool
glob(struct sse_text pattern, struct sse_text name)
{
	const char *p = pattern.ptr, *pend = p + pattern.len;
	const char *s = name.ptr, *send = s + name.len;
	const char *star = NULL, *from = NULL;

	/* The last star alone takes more when what follows it does not fit. */
	while (s < send) {
		if (p < pend && *p == '*') {
			star = ++p;
			from = s;
		} else if (p < pend && *p == '?') {
			p++;
			s += step(s, send);
		} else if (p < pend && *p == *s) {
			p++;
			s++;
		} else if (star != NULL) {
			p = star;
			s = ++from;
		} else
			return false;
	}
	while (p < pend && *p == '*')
		p++;
	return p == pend;
}

bool
pattern_matches(struct sse_text pattern, struct sse_text name)
{
	return starts(pattern, name.ptr, family_len(name)) &&
	    glob(pattern, name);
}

static bool
any_matches(const struct texts *patterns, struct sse_text name)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (pattern_matches(patterns->v[i], name))
			return true;
	return false;
}

static bool
is_own(const struct identity *id, struct sse_text channel)
{
	for (size_t i = 0; i < id->own.n; i++)
		if (same(id->own.v[i], channel))
			return true;
	return false;
}

bool
identity_may_read(const struct identity *id, struct sse_text channel)
{
	if (id->admin || is_own(id, channel))
		return true;
	if (!id->restricted && !channel_reserved(channel))
		return true;
	return any_matches(&id->read, channel);
}

bool
identity_may_publish(
    const struct identity *id, struct sse_text channel, bool open)
{
	if (text_is(channel, "presence"))
		return false;
	if (id->admin || any_matches(&id->write, channel))
		return true;
	return open &&
	    (!channel_reserved(channel) || text_is(channel, "broadcast"));
}

bool
identity_publishes(const struct identity *id, bool open)
{
	return id->admin || open || id->write.n > 0;
}

/* Is family:name a channel's? */
static bool
makes_channel(size_t family, struct sse_text name)
{
	char buf[CHANNEL_MAX];

	if (name.len == 0 || name.len > CHANNEL_MAX - family)
		return false;
	/* Whichever family it is, it is as good as these letters. */
	memset(buf, 'x', family);
	memcpy(buf + family, name.ptr, name.len);
	return channel_valid((struct sse_text){ buf, family + name.len });
}

static bool
labels_valid(const struct claims *c)
{
	struct event ev = EVENT_NONE;
	char buf[CHANNEL_MAX];

	/* One that no event can name is a mistake of who made it. */
	for (size_t i = 0; i < c->nlabels; i++) {
		struct sse_text k = c->labels[i].key, v = c->labels[i].value;
		struct sse_text word = { buf, k.len + 1 + v.len };

		if (k.len == 0 || word.len > sizeof(buf) ||
		    memchr(k.ptr, '=', k.len) != NULL)
			return false;
		memcpy(buf, k.ptr, k.len);
		buf[k.len] = '=';
		if (v.len > 0)
			memcpy(buf + k.len + 1, v.ptr, v.len);
		if (memchr(buf, ' ', word.len) != NULL ||
		    event_set_field(&ev, TEXT("match"), word) != 1)
			return false;
	}
	return true;
}

static bool
patterns_valid(const struct sse_text *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].len == 0 || v[i].len > CHANNEL_MAX)
			return false;
	return true;
}

const char *
claims_fault(const struct claims *c)
{
	if (c->client.len > 0 && !makes_channel(7, c->client))
		return "the client's ID is out of bounds (1 to 193 bytes, no "
		       "white space, none of *?[]\\,)";
	for (size_t i = 0; i < c->ngroups; i++)
		if (!makes_channel(6, c->groups[i]))
			return "a group's name is out of bounds (1 to 194 "
			       "bytes, no white space, none of *?[]\\,)";
	if (!labels_valid(c))
		return "a label is none (key=value without white space, 200 "
		       "bytes at most)";
	if (!patterns_valid(c->read, c->nread) ||
	    !patterns_valid(c->write, c->nwrite))
		return "a pattern of channels is empty or longer than 200 "
		       "bytes";
	return NULL;
}

/* The block while it is filled: texts from the front, bytes behind them. */
struct draft {
	struct sse_text *text;
	char *bytes;
};

static struct texts
begin(const struct draft *d)
{
	return (struct texts){ d->text, 0 };
}

static void
put(struct draft *d, struct texts *list, struct sse_text a, struct sse_text b)
{
	*d->text = (struct sse_text){ d->bytes, a.len + b.len };
	if (a.len > 0)
		memcpy(d->bytes, a.ptr, a.len);
	if (b.len > 0)
		memcpy(d->bytes + a.len, b.ptr, b.len);
	d->bytes += d->text++->len;
	list->n++;
}

static size_t
sum(const struct sse_text *v, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += v[i].len;
	return len;
}

static size_t
bytes_of(const struct claims *c)
{
	size_t len = 9 + 7 + c->client.len + 6 * c->ngroups +
	    sum(c->groups, c->ngroups) + sum(c->read, c->nread) +
	    sum(c->write, c->nwrite);

	for (size_t i = 0; i < c->nlabels; i++)
		len += c->labels[i].key.len + 1 + c->labels[i].value.len;
	return len;
}

static void
fill(struct identity *id, struct draft *d, const struct claims *c)
{
	const struct sse_text none = { NULL, 0 };

	id->own = begin(d);
	put(d, &id->own, everyones[0], none);
	if (c->client.len > 0) {
		put(d, &id->own, TEXT("client:"), c->client);
		id->client = id->own.v[1];
		id->client.ptr += 7;
		id->client.len -= 7;
	}
	for (size_t i = 0; i < c->ngroups; i++)
		put(d, &id->own, TEXT("group:"), c->groups[i]);
	id->labels = begin(d);
	for (size_t i = 0; i < c->nlabels; i++) {
		struct sse_text value = c->labels[i].value;

		/* The value goes behind what put() has written. */
		put(d, &id->labels, c->labels[i].key, TEXT("="));
		if (value.len > 0)
			memcpy(d->bytes, value.ptr, value.len);
		d->bytes += value.len;
		d->text[-1].len += value.len;
	}
	id->read = begin(d);
	for (size_t i = 0; i < c->nread; i++)
		put(d, &id->read, c->read[i], none);
	id->write = begin(d);
	for (size_t i = 0; i < c->nwrite; i++)
		put(d, &id->write, c->write[i], none);
}

const struct identity *
identity_new(const struct claims *c, bool admin)
{
	size_t n = 2 + c->ngroups + c->nlabels + c->nread + c->nwrite;
	struct identity *id = malloc(
	    sizeof(*id) + n * sizeof(struct sse_text) + bytes_of(c));
	struct draft d;

	if (id == NULL)
		return NULL;
	*id = (struct identity){ .restricted = c->restricted,
		.may_route = c->may_route || admin,
		.admin = admin,
		.expires_ms = c->expires_ms };
	d.text = (struct sse_text *)(void *)(id + 1);
	d.bytes = (char *)(d.text + n);
	fill(id, &d, c);
	return id;
}

void
identity_free(const struct identity *id)
{
	if (id != &anyone && id != &administrator)
		free((void *)(uintptr_t)id);
}
