#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "origin.h"
#include "route.h"

#define STREAM_TYPE "text/event-stream"
#define METHODS_PAGE "GET, HEAD, OPTIONS"
#define METHODS_ACK "POST, OPTIONS"
#define METHODS_EVENTS "GET, HEAD, POST, OPTIONS"

/* A route while it is made. */
struct draft {
	struct route *r;
	const struct http_head *h;
	const struct route_conf *conf;
	char *free; /* where the next text goes in r->mem */
};

/* Every step returns 0 to go on, or -1 when this has refused the request. */
static int
refuse(struct draft *d, int status, const char *why)
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
				return refuse(d, 400,
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

static struct sse_text
keep(struct draft *d, struct sse_text t)
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
		return refuse(d, 400,
		    "a channel's name is 1 to 200 bytes of UTF-8 without white "
		    "space, control characters, * ? [ ] \\ and comma");
	for (size_t i = 0; i < r->nchannels; i++)
		if (same(r->channels[i], name))
			return 0;
	if (r->nchannels == max)
		return refuse(d, 400, "too many channels are asked for");
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
		return refuse(d, 400, "event= names no type");
	if (r->ntypes == ROUTE_TYPES_MAX)
		return refuse(
		    d, 400, "too many event types are asked for (64)");
	r->types[r->ntypes++] = type;
	return 0;
}

static int
take_last_id(struct draft *d, struct sse_text id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.ptr[i] == '\0' || id.ptr[i] == '\r' || id.ptr[i] == '\n')
			return refuse(d, 400,
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
		return refuse(d, 400, "last= is not a number of events");
	r->last_n = 0;
	for (size_t i = 0; i < n.len; i++) {
		if (n.ptr[i] < '0' || n.ptr[i] > '9')
			return refuse(
			    d, 400, "last= is not a number of events");
		r->last_n = r->last_n * 10 + (uint64_t)(n.ptr[i] - '0');
	}
	r->start = ROUTE_LAST_N;
	return 0;
}

static int
take_order(struct draft *d, struct sse_text order)
{
	if (order.len == 0)
		return 0;
	if (!text_is(order, "strict"))
		return refuse(d, 400, "order= knows strict");
	d->r->strict = true;
	return 0;
}

static int
take_show(struct draft *d, struct sse_text words)
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
			return refuse(d, 400,
			    "show= knows channel, hello, place and routing");
		if (shows[i].flag == SHOW_ROUTING && !d->conf->id->may_route)
			return refuse(d, 403,
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

struct param {
	const char *name;
	int (*take)(struct draft *d, struct sse_text value);
};

static const struct param events_params[] = {
	{ "channel", take_channels },
	{ "event", take_types },
	{ "last", take_last_n },
	{ "lastEventId", take_last_id },
	{ "order", take_order },
	{ "show", take_show },
	{ NULL, NULL },
};

static const struct param ack_params[] = {
	{ "id", take_id },
	{ NULL, NULL },
};

static const struct param publish_params[] = {
	{ "channel", take_channels },
	{ "event", take_type },
	{ "id", take_id },
	{ NULL, NULL },
};

/* Parameters not in the table are others' (cache busters) and passed over. */
static int
take_query(struct draft *d, const struct param *params)
{
	struct sse_text query = d->h->query, name;

	while (query.len > 0) {
		struct sse_text value = text_cut(&query, '&');

		if (unescape(d, text_cut(&value, '='), true, &name) == -1 ||
		    unescape(d, value, true, &value) == -1)
			return -1;
		for (const struct param *p = params; p->name != NULL; p++)
			if (text_is(name, p->name) && p->take(d, value) == -1)
				return -1;
	}
	return 0;
}

/* The names behind "/events". */
static int
take_path(struct draft *d)
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

static int
may_read(struct draft *d)
{
	for (size_t i = 0; i < d->r->nchannels; i++)
		if (!identity_may_read(d->conf->id, d->r->channels[i]))
			return refuse(d, 403,
			    channel_reserved(d->r->channels[i])
				? "client:, group: and presence reach a client "
				  "by who it is and cannot be asked for"
				: "the token does not let this channel be "
				  "read (sse.read)");
	return 0;
}

/* Is it who it says it is, and somebody where that is needed? */
static int
check_auth(struct draft *d, bool needed)
{
	const struct auth_refusal *denied = &d->conf->denied;

	if (denied->status != 0)
		return refuse(d, denied->status, denied->why);
	if (needed)
		return refuse(d, 401, "this is for those who say who they are");
	return 0;
}

static int
route_events(struct draft *d)
{
	const struct route_conf *conf = d->conf;
	struct route *r = d->r;

	r->what = ROUTE_EVENTS;
	if (check_auth(d,
		conf->required && conf->id->client.len == 0 &&
		    !conf->id->admin) == -1)
		return -1;
	if (http_accepts(d->h, STREAM_TYPE, NULL) == 0)
		return refuse(d, 406, "here is only " STREAM_TYPE);
	r->last_id = keep(d, http_field(d->h, "Last-Event-ID"));
	if (take_path(d) == -1 || take_query(d, events_params) == -1 ||
	    take_show(d, keep(d, http_field(d->h, "Sse-Show"))) == -1 ||
	    take_order(d, http_field(d->h, "Sse-Order")) == -1)
		return -1;
	if (r->last_id.len > 0)
		r->start = ROUTE_AFTER_ID;
	return may_read(d);
}

/* A type without its parameters. */
static bool
is_type(struct sse_text type, const char *name)
{
	type = text_cut(&type, ';');
	while (type.len > 0 && strchr(" \t", type.ptr[type.len - 1]) != NULL)
		type.len--;
	return http_same(type, name);
}

/* What the body is.  Whatever has no meaning of its own here is data. */
static int
take_format(struct draft *d)
{
	struct sse_text type = http_field(d->h, "Content-Type");
	struct sse_text coding = http_field(d->h, "Content-Encoding");
	struct sse_text kind = type;

	if (coding.len > 0 && !http_same(coding, "identity"))
		return refuse(d, 415, "a body is taken as it is, unencoded");
	if (http_same(text_cut(&kind, '/'), "multipart"))
		return refuse(d, 415,
		    "a body is data as such, an event stream (" STREAM_TYPE
		    ") or JSON lines (application/x-ndjson), not a form");
	d->r->format = is_type(type, STREAM_TYPE) ? INPUT_SSE
	    : is_type(type, "application/x-ndjson") ||
		is_type(type, "application/jsonl")
	    ? INPUT_JSON
	    : INPUT_WHOLE;
	return 0;
}

/*
 * A key within quotes, or as such.  No line breaks, since none is in a header.
 * Spec: The Idempotency-Key HTTP Header Field; RFC 8941, "Strings".
 */
static int
take_once(struct draft *d)
{
	struct sse_text key = http_field(d->h, "Idempotency-Key");
	bool quoted = key.len > 1 && key.ptr[0] == '"' &&
	    key.ptr[key.len - 1] == '"';

	if (key.ptr == NULL)
		return 0;
	if (quoted) {
		key.ptr++;
		key.len -= 2;
	}
	if (key.len == 0 || key.len > ROUTE_KEY_MAX ||
	    sse_utf8_valid(key.ptr, key.len) != key.len ||
	    http_field_count(d->h, "Idempotency-Key") > 1)
		return refuse(
		    d, 400, "an Idempotency-Key is one text of 1 to 200 bytes");
	d->r->once = keep(d, key);
	return 0;
}

/* NAME/NUMBER */
static int
take_producer(struct draft *d)
{
	static const char why[] = "Sse-Producer is NAME/NUMBER: a name of "
				  "letters, digits, . _ and -, a number from 1";
	struct sse_text number = http_field(d->h, "Sse-Producer"), name;
	struct route *r = d->r;

	if (number.ptr == NULL)
		return 0;
	name = text_cut(&number, '/');
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.ptr[i]) &&
		    strchr("._-", name.ptr[i]) == NULL)
			return refuse(d, 400, why);
	for (size_t i = 0; i < number.len && number.len <= 18; i++) {
		if (number.ptr[i] < '0' || number.ptr[i] > '9')
			return refuse(d, 400, why);
		r->number = r->number * 10 + (uint64_t)(number.ptr[i] - '0');
	}
	if (r->number == 0 || name.len == 0 || name.len > ROUTE_PRODUCER_MAX)
		return refuse(d, 400, why);
	if (r->once.len > 0)
		return refuse(d, 400,
		    "Sse-Producer and Idempotency-Key are two ways to say one "
		    "thing");
	r->producer = keep(d, name);
	return 0;
}

/* Is what the parameters say fit to be published? */
static int
check_publish(struct draft *d)
{
	struct route *r = d->r;
	struct event ev = EVENT_NONE;
	const char *fault;

	if (r->nchannels > 1)
		return refuse(d, 400, "one channel is published to at a time");
	if (r->nchannels == 1)
		r->channel = r->channels[0];
	if (r->format == INPUT_WHOLE && r->nchannels == 0)
		return refuse(
		    d, 400, "no channel is named: POST to /events/CHANNEL");
	if (r->format != INPUT_WHOLE && (r->type.len > 0 || r->has_id))
		return refuse(d, 400,
		    "event= and id= go with a body that is data as such");
	if (r->channel.len > 0 &&
	    !identity_may_publish(
		d->conf->id, r->channel, d->conf->open_publish))
		return refuse(
		    d, 403, "this channel is not published to from here");
	ev.channel = r->channel;
	ev.type = r->type;
	ev.id = r->id;
	ev.has_id = r->has_id;
	if ((fault = event_fault(&ev)) != NULL)
		return refuse(d, 400, fault);
	return 0;
}

static int
route_publish(struct draft *d)
{
	const struct route_conf *conf = d->conf;
	struct route *r = d->r;

	r->what = ROUTE_PUBLISH;
	r->ask_reached = http_list_has(d->h, "Sse-Ask", "reached");
	if (check_auth(d, false) == -1)
		return -1;
	if (!identity_publishes(conf->id, conf->open_publish))
		return refuse(d, 403,
		    "publishing is for the administration listener "
		    "(sse-serve --admin), tokens with sse.write, or for all "
		    "with --open-publish");
	if (take_path(d) == -1 || take_query(d, publish_params) == -1 ||
	    take_format(d) == -1 || take_once(d) == -1 ||
	    take_producer(d) == -1)
		return -1;
	return check_publish(d);
}

static int
route_ack(struct draft *d)
{
	d->r->what = ROUTE_ACK;
	if (check_auth(d, d->conf->id->client.len == 0) == -1 ||
	    take_query(d, ack_params) == -1)
		return -1;
	if (d->r->id.len == 0)
		return refuse(d, 400, "id= says up to which event");
	return 0;
}

static int
refuse_method(struct draft *d, const char *allow)
{
	d->r->allow = allow;
	return refuse(d, 405, "this path does not take this method");
}

/* Returns whether that is what it asks for. */
static bool
route_inspect(struct draft *d)
{
	const struct identity *id = d->conf->id;
	struct route *r = d->r;
	int status;

	if (!inspect_parse(&r->inspect, d->h, &status, &r->why, &r->allow))
		return false;
	/* One's own connection is one's own affair. */
	if (!id->admin && r->inspect.what != INSPECT_END) {
		r->allow = NULL;
		refuse(d, 404,
		    INSPECT_PATHS " are on the administration listener "
				  "(sse-serve --admin)");
		return true;
	}
	if (!id->admin && id->client.len == 0 && status == 0 &&
	    http_method_is(d->h, "DELETE")) {
		status = 403;
		r->why = "a connection is ended by the client whose it is, or "
			 "on the administration listener";
	}
	r->what = http_method_is(d->h, "OPTIONS") ? ROUTE_OPTIONS
						  : ROUTE_INSPECT;
	if (status != 0 && status != 405)
		r->allow = NULL;
	if (status != 0)
		refuse(d, status, r->why);
	return true;
}

static int
dispatch(struct draft *d)
{
	const struct http_head *h = d->h;
	bool get = http_method_is(h, "GET") || http_method_is(h, "HEAD");
	bool events = text_is(h->path, "/events") ||
	    (h->path.len > 7 && memcmp(h->path.ptr, "/events/", 8) == 0);
	bool ack = text_is(h->path, "/ack"), named = false;

	if (d->conf->loopback_host && h->host.len > 0 &&
	    !origin_host_is_loopback(h->host))
		return refuse(d, 421,
		    "the administration listener goes by the names localhost, "
		    "127.0.0.1 and [::1]");
	if (!http_method_known(h))
		return refuse(d, 501, "no such method is known here");
	if (!get && !http_method_is(h, "OPTIONS") &&
	    origin_is_foreign(h, d->conf->origins,
		d->conf->id->admin ? 0 : d->conf->norigins))
		return refuse(d, 403,
		    "a page of another origin may not do this "
		    "(sse-serve --allow-origin)");
	if (route_inspect(d))
		return 0;
	if (ack && http_method_is(h, "POST"))
		return route_ack(d);
	if (!events && !ack && !text_is(h->path, "/") && !text_is(h->path, "*"))
		return refuse(d, 404,
		    d->conf->id->admin
			? "here are /events, " INSPECT_PATHS
			: "here are /events, /events/CHANNEL and, for people, "
			  "/");
	if (http_method_is(h, "OPTIONS")) {
		d->r->what = ROUTE_OPTIONS;
		d->r->allow = events ? METHODS_EVENTS
		    : ack            ? METHODS_ACK
				     : METHODS_PAGE;
		return 0;
	}
	if (events)
		return get ? route_events(d)
		    : http_method_is(h, "POST")
		    ? route_publish(d)
		    : refuse_method(d, METHODS_EVENTS);
	if (ack)
		return refuse_method(d, METHODS_ACK);
	if (!get)
		return refuse_method(d, METHODS_PAGE);
	http_accepts(h, STREAM_TYPE, &named);
	if (named)
		return route_events(d);
	d->r->what = ROUTE_VIEWER;
	return 0;
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
static int
make_room(struct draft *d)
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

int
route_parse(
    struct route *r, const struct http_head *h, const struct route_conf *conf)
{
	struct draft d = { r, h, conf, NULL };

	*r = (struct route){ .head_only = http_method_is(h, "HEAD") };
	if (make_room(&d) == -1)
		return -1;
	dispatch(&d);
	return 0;
}

void
route_free(struct route *r)
{
	free(r->mem);
	*r = (struct route){ .what = ROUTE_BAD };
}
