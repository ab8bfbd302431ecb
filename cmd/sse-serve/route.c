#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "origin.h"
#include "route_inner.h"

#define STREAM_TYPE "text/event-stream"
#define METHODS_PAGE "GET, HEAD, OPTIONS"
#define METHODS_ACK "POST, OPTIONS"
#define METHODS_EVENTS "GET, HEAD, POST, OPTIONS"

static int
may_read(struct draft *d)
{
	for (size_t i = 0; i < d->r->nchannels; i++)
		if (!identity_may_read(d->conf->id, d->r->channels[i]))
			return route_refuse(d, 403,
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
		return route_refuse(d, denied->status, denied->why);
	if (needed)
		return route_refuse(
		    d, 401, "this is for those who say who they are");
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
		return route_refuse(d, 406, "here is only " STREAM_TYPE);
	r->last_id = route_keep(d, http_field(d->h, "Last-Event-ID"));
	if (route_take_path(d) == -1 ||
	    route_take_query(d, route_events_params) == -1 ||
	    route_take_show(d, route_keep(d, http_field(d->h, "Sse-Show"))) ==
		-1 ||
	    route_take_order(d, http_field(d->h, "Sse-Order")) == -1)
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
		return route_refuse(
		    d, 415, "a body is taken as it is, unencoded");
	if (http_same(text_cut(&kind, '/'), "multipart"))
		return route_refuse(d, 415,
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
		return route_refuse(
		    d, 400, "an Idempotency-Key is one text of 1 to 200 bytes");
	d->r->once = route_keep(d, key);
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
			return route_refuse(d, 400, why);
	for (size_t i = 0; i < number.len && number.len <= 18; i++) {
		if (number.ptr[i] < '0' || number.ptr[i] > '9')
			return route_refuse(d, 400, why);
		r->number = r->number * 10 + (uint64_t)(number.ptr[i] - '0');
	}
	if (r->number == 0 || name.len == 0 || name.len > ROUTE_PRODUCER_MAX)
		return route_refuse(d, 400, why);
	if (r->once.len > 0)
		return route_refuse(d, 400,
		    "Sse-Producer and Idempotency-Key are two ways to say one "
		    "thing");
	r->producer = route_keep(d, name);
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
		return route_refuse(
		    d, 400, "one channel is published to at a time");
	if (r->nchannels == 1)
		r->channel = r->channels[0];
	if (r->format == INPUT_WHOLE && r->nchannels == 0)
		return route_refuse(
		    d, 400, "no channel is named: POST to /events/CHANNEL");
	if (r->format != INPUT_WHOLE && (r->type.len > 0 || r->has_id))
		return route_refuse(d, 400,
		    "event= and id= go with a body that is data as such");
	if (r->channel.len > 0 &&
	    !identity_may_publish(
		d->conf->id, r->channel, d->conf->open_publish))
		return route_refuse(
		    d, 403, "this channel is not published to from here");
	ev.channel = r->channel;
	ev.type = r->type;
	ev.id = r->id;
	ev.has_id = r->has_id;
	if ((fault = event_fault(&ev)) != NULL)
		return route_refuse(d, 400, fault);
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
		return route_refuse(d, 403,
		    "publishing is for the administration listener "
		    "(sse-serve --admin), tokens with sse.write, or for all "
		    "with --open-publish");
	if (route_take_path(d) == -1 ||
	    route_take_query(d, route_publish_params) == -1 ||
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
	    route_take_query(d, route_ack_params) == -1)
		return -1;
	if (d->r->id.len == 0)
		return route_refuse(d, 400, "id= says up to which event");
	return 0;
}

static int
refuse_method(struct draft *d, const char *allow)
{
	d->r->allow = allow;
	return route_refuse(d, 405, "this path does not take this method");
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
		route_refuse(d, 404,
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
		route_refuse(d, status, r->why);
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
		return route_refuse(d, 421,
		    "the administration listener goes by the names localhost, "
		    "127.0.0.1 and [::1]");
	if (!http_method_known(h))
		return route_refuse(d, 501, "no such method is known here");
	if (!get && !http_method_is(h, "OPTIONS") &&
	    origin_is_foreign(h, d->conf->origins,
		d->conf->id->admin ? 0 : d->conf->norigins))
		return route_refuse(d, 403,
		    "a page of another origin may not do this "
		    "(sse-serve --allow-origin)");
	if (route_inspect(d))
		return 0;
	if (ack && http_method_is(h, "POST"))
		return route_ack(d);
	if (!events && !ack && !text_is(h->path, "/") && !text_is(h->path, "*"))
		return route_refuse(d, 404,
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

int
route_parse(
    struct route *r, const struct http_head *h, const struct route_conf *conf)
{
	struct draft d = { r, h, conf, NULL };

	*r = (struct route){ .head_only = http_method_is(h, "HEAD") };
	if (route_make_room(&d) == -1)
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
