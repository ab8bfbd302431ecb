#include <stdlib.h>
#include <string.h>

#include "route_inner.h"

int
route_refuse(struct draft *d, int status, const char *why)
{
	d->r->what = ROUTE_BAD;
	d->r->status = status;
	d->r->why = why;
	return -1;
}

static bool
same(struct sse_text a, struct sse_text b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/*
 * Copy t with its escapes undone.  In a query "+" is a space, as forms and
 * URLSearchParams write it.
 */
static int
unescape(struct draft *d, struct sse_text t, bool query, struct sse_text *to)
{
	char *p = d->free;

	for (size_t i = 0; i < t.len; i++) {
		char c = t.ptr[i];

		if (c == '%') {
			if (t.len - i < 3 || http_hex(t.ptr[i + 1]) < 0 ||
			    http_hex(t.ptr[i + 2]) < 0)
				return route_refuse(d, 400,
				    "the URL has a % without two hexadecimal "
				    "digits behind it");
			c = (char)(http_hex(t.ptr[i + 1]) << 4 |
			    http_hex(t.ptr[i + 2]));
			i += 2;
		} else if (c == '+' && query)
			c = ' ';
		*p++ = c;
	}
	*to = (struct sse_text){ d->free, (size_t)(p - d->free) };
	d->free = p;
	return 0;
}

struct sse_text
route_keep(struct draft *d, struct sse_text t)
{
	struct sse_text kept = { d->free, t.len };

	if (t.len > 0)
		memcpy(d->free, t.ptr, t.len);
	d->free += t.len;
	return kept;
}

static int
take_channel(struct draft *d, struct sse_text name)
{
	struct route *r = d->r;
	size_t max = d->conf->max_channels > 0 ? d->conf->max_channels
					       : ROUTE_CHANNELS_MAX;

	if (!channel_valid(name))
		return route_refuse(d, 400,
		    "a channel's name is 1 to 200 bytes of UTF-8 without white "
		    "space, control characters, * ? [ ] \\ and comma");
	for (size_t i = 0; i < r->nchannels; i++)
		if (same(r->channels[i], name))
			return 0;
	if (r->nchannels == max)
		return route_refuse(d, 400, "too many channels are asked for");
	r->channels[r->nchannels++] = name;
	return 0;
}

/* "A,B", from the path or a parameter.  No name has a comma in it. */
static int
take_channels(struct draft *d, struct sse_text names)
{
	do {
		bool more = names.len > 0 &&
		    memchr(names.ptr, ',', names.len) != NULL;

		if (take_channel(d, text_cut(&names, ',')) == -1)
			return -1;
		if (!more)
			return 0;
	} while (true);
}

static int
take_types(struct draft *d, struct sse_text type)
{
	struct route *r = d->r;

	if (type.len == 0)
		return route_refuse(d, 400, "event= names no type");
	if (r->ntypes == ROUTE_TYPES_MAX)
		return route_refuse(
		    d, 400, "too many event types are asked for (64)");
	r->types[r->ntypes++] = type;
	return 0;
}

static int
take_last_id(struct draft *d, struct sse_text id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.ptr[i] == '\0' || id.ptr[i] == '\r' || id.ptr[i] == '\n')
			return route_refuse(d, 400,
			    "a last event ID has no NUL and no line breaks");
	/* The header is read first, and it is right where both are there. */
	if (d->r->last_id.len == 0)
		d->r->last_id = id;
	return 0;
}

static int
take_last_n(struct draft *d, struct sse_text n)
{
	struct route *r = d->r;

	if (n.len == 0 || n.len > 18)
		return route_refuse(d, 400, "last= is not a number of events");
	r->last_n = 0;
	for (size_t i = 0; i < n.len; i++) {
		if (n.ptr[i] < '0' || n.ptr[i] > '9')
			return route_refuse(
			    d, 400, "last= is not a number of events");
		r->last_n = r->last_n * 10 + (uint64_t)(n.ptr[i] - '0');
	}
	r->start = ROUTE_LAST_N;
	return 0;
}

int
route_take_order(struct draft *d, struct sse_text order)
{
	if (order.len == 0)
		return 0;
	if (!text_is(order, "strict"))
		return route_refuse(d, 400, "order= knows strict");
	d->r->strict = true;
	return 0;
}

int
route_take_show(struct draft *d, struct sse_text words)
{
	static const struct {
		const char *word;
		unsigned int flag;
	} shows[] = {
		{ "channel", SHOW_CHANNEL },
		{ "hello", SHOW_HELLO },
		{ "place", SHOW_PLACE },
		{ "routing", SHOW_ROUTING },
	};

	while (words.len > 0) {
		struct sse_text word = text_cut(&words, ',');
		size_t i = 0;

		while (word.len > 0 && *word.ptr == ' ') {
			word.ptr++;
			word.len--;
		}
		while (i < 4 && !text_is(word, shows[i].word))
			i++;
		if (i == 4)
			return route_refuse(d, 400,
			    "show= knows channel, hello, place and routing");
		if (shows[i].flag == SHOW_ROUTING && !d->conf->id->may_route)
			return route_refuse(d, 403,
			    "show=routing is for the administration listener "
			    "and tokens with sse.routing");
		d->r->show |= shows[i].flag;
	}
	return 0;
}

static int
take_type(struct draft *d, struct sse_text type)
{
	d->r->type = type;
	return 0;
}

static int
take_id(struct draft *d, struct sse_text id)
{
	d->r->id = id;
	d->r->has_id = true;
	return 0;
}

const struct route_param route_events_params[] = {
	{ "channel", take_channels },
	{ "event", take_types },
	{ "last", take_last_n },
	{ "lastEventId", take_last_id },
	{ "order", route_take_order },
	{ "show", route_take_show },
	{ NULL, NULL },
};

const struct route_param route_ack_params[] = {
	{ "id", take_id },
	{ NULL, NULL },
};

const struct route_param route_publish_params[] = {
	{ "channel", take_channels },
	{ "event", take_type },
	{ "id", take_id },
	{ NULL, NULL },
};

int
route_take_query(struct draft *d, const struct route_param *params)
{
	struct sse_text query = d->h->query, name;

	while (query.len > 0) {
		struct sse_text value = text_cut(&query, '&');

		if (unescape(d, text_cut(&value, '='), true, &name) == -1 ||
		    unescape(d, value, true, &value) == -1)
			return -1;
		for (const struct route_param *p = params; p->name != NULL; p++)
			if (text_is(name, p->name) && p->take(d, value) == -1)
				return -1;
	}
	return 0;
}

int
route_take_path(struct draft *d)
{
	const size_t skip = sizeof("/events/") - 1;
	struct sse_text path = d->h->path;

	if (path.len < skip)
		return 0;
	path.ptr += skip;
	path.len -= skip;
	return unescape(d, path, false, &path) == -1 ? -1
						     : take_channels(d, path);
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Room for all that the head may say.  Few ask for as much as they may, so the
 * lists are as long as there are bytes to fill them: "a,", "event=a&".
 */
int
route_make_room(struct draft *d)
{
	const struct http_head *h = d->h;
	size_t target = h->path.len + h->query.len;
	size_t channels = smaller(ROUTE_CHANNELS_MAX, target / 2 + 1);
	size_t types = smaller(ROUTE_TYPES_MAX, h->query.len / 8 + 1);
	/* Unescaping makes nothing longer. */
	size_t texts = target + 1 + http_field(h, "Last-Event-ID").len +
	    http_field(h, "Sse-Show").len + ROUTE_KEY_MAX + ROUTE_PRODUCER_MAX;
	struct sse_text *lists = malloc(
	    (channels + types) * sizeof(*lists) + texts);

	if (lists == NULL)
		return -1;
	d->r->mem = lists;
	d->r->channels = lists;
	d->r->types = lists + channels;
	d->free = (char *)(lists + channels + types);
	return 0;
}
