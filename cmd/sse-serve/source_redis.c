#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "attach.h"
#include "hub.h"
#include "publisher.h"
#include "redis_async.h"
#include "redis_link.h"
#include "source_redis.h"
#include "topic.h"
#include "units.h"

#define START_MS 5000     /* to reach Redis at the start */
#define PROBE_S 5.        /* a marker is sent so often */
#define SILENCE_MAX_S 15. /* and has to be back by then */

struct source_redis {
	struct hub *hub;
	const struct bus_conf *conf;
	struct redis_async commands;
	struct redis_async live;
	struct publisher publisher;
	struct bus_live *decoder;
	struct named_tree topics;
	struct attach attach;
	ev_prepare flush;
	ev_timer probe;
	double heard; /* when the last marker came */
	bool ready;   /* both links are up and the marker is subscribed */
	bool was_lost;
};

static void on_live(redisAsyncContext *context, void *reply, void *priv);

/* One (un)subscription.  payload-free replies come to on_live(). */
static int
say_topic(struct source_redis *s, const char *verb, struct sse_text name)
{
	const char *argv[2] = { verb, name.ptr };
	size_t argvlen[2] = { strlen(verb), name.len };
	struct bus_command c = { .argc = 2, .argv = argv, .argvlen = argvlen };

	return redis_async_send(&s->live, on_live, s, &c);
}

static void
subscribe(struct source_redis *s, struct topic *t)
{
	struct sse_buf b = { 0 };

	if (bus_topic(s->conf, t->named.name, &b) == 0 &&
	    say_topic(s, "SUBSCRIBE", (struct sse_text){ b.ptr, b.len }) == 0)
		t->stage = TOPIC_SUBSCRIBING;
	sse_buf_free(&b);
}

static void
unsubscribe(struct source_redis *s, struct topic *t)
{
	struct sse_buf b = { 0 };

	if (bus_topic(s->conf, t->named.name, &b) == 0 &&
	    say_topic(s, "UNSUBSCRIBE", (struct sse_text){ b.ptr, b.len }) == 0)
		t->stage = TOPIC_LEAVING;
	sse_buf_free(&b);
}

/* At the end of a turn all that have been confirmed are read together. */
static void
flush_ready(struct ev_loop *loop, ev_prepare *p, int revents)
{
	struct source_redis *s = p->data;

	(void)loop;
	(void)revents;
	if (s->ready)
		attach_send(&s->attach);
}

void
source_redis_follow(struct source_redis *s, struct history *hist)
{
	struct topic *t = topic_get(&s->topics, hist->named.name);

	if (t == NULL)
		return;
	t->wanted = true;
	if (t->stage == TOPIC_OFF && s->ready)
		subscribe(s, t);
}

void
source_redis_unfollow(struct source_redis *s, struct history *hist)
{
	struct topic *t = named_find(&s->topics, hist->named.name);

	hist->loaded = false;
	archive_empty(&s->hub->archive, hist);
	if (t == NULL)
		return;
	attach_give_up(&s->attach, t);
	/* Its SUBSCRIBE is to be confirmed first. */
	if (t->stage == TOPIC_SUBSCRIBING || t->stage == TOPIC_LEAVING)
		return;
	if (t->stage == TOPIC_OFF) {
		topic_free(&s->topics, t);
		return;
	}
	attach_forget(&s->attach, t);
	unsubscribe(s, t);
}

static void
confirmed(struct source_redis *s, struct sse_text name, bool in)
{
	struct topic *t = named_find(&s->topics, name);

	if (t == NULL)
		return;
	if (in && t->wanted)
		attach_add(&s->attach, t);
	else if (in)
		unsubscribe(s, t);
	else if (t->wanted)
		subscribe(s, t);
	else
		topic_free(&s->topics, t);
}

static void
take_message(
    struct source_redis *s, struct sse_text topic, struct sse_text payload)
{
	struct bus_entry e;
	struct place horizon;
	int kind = bus_live_begin(s->decoder, topic, payload, &horizon);

	if (kind == 2) {
		s->heard = ev_now(s->hub->loop);
		attach_pass(&s->attach, horizon);
	}
	while (kind == 1 && bus_live_next(s->decoder, &e) == 1)
		attach_live(
		    &s->attach, named_find(&s->topics, e.ev.channel), &e);
}

static struct sse_text
text_at(const redisReply *r, size_t i)
{
	const redisReply *e = r->element[i];

	return (struct sse_text){ e->str,
		e->type == REDIS_REPLY_STRING ? (size_t)e->len : 0 };
}

static void marker_confirmed(struct source_redis *s);

/* Whatever comes over the link that subscribes. */
static void
on_live(redisAsyncContext *context, void *reply, void *priv)
{
	struct source_redis *s = priv;
	const redisReply *r = reply;
	size_t prefix = strlen(s->conf->prefix);
	struct sse_text kind, topic;

	(void)context;
	if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 3)
		return;
	kind = text_at(r, 0);
	topic = text_at(r, 1);
	if (text_is(kind, "message")) {
		take_message(s, topic, text_at(r, 2));
		return;
	}
	if (text_is(topic, s->attach.marker)) {
		marker_confirmed(s);
		return;
	}
	if (topic.len <= prefix)
		return;
	topic.ptr += prefix;
	topic.len -= prefix;
	confirmed(s, topic, text_is(kind, "subscribe"));
}

/* All is up: subscribe again to what is wanted, and ask again what was asked. */
static void
marker_confirmed(struct source_redis *s)
{
	struct topic *t;

	s->ready = true;
	s->heard = ev_now(s->hub->loop);
	if (s->was_lost && s->hub->conf->verbose >= 0)
		warnx("%s is back", s->hub->conf->redis.shown);
	s->was_lost = false;
	for (t = named_first(&s->topics); t != NULL; t = named_next(&t->named))
		if (t->wanted && t->stage == TOPIC_OFF)
			subscribe(s, t);
	attach_again(&s->attach);
	hub_resume(s->hub);
}

/* sse:last stands at or behind all that was seen, or Redis has lost some. */
static void
raised(redisAsyncContext *context, void *reply, void *priv)
{
	struct source_redis *s = priv;
	struct place before;

	(void)context;
	if (reply == NULL)
		return;
	if (bus_raise_answer(reply, &before) != BUS_OK) {
		warnx("Redis: %s", bus_error(reply));
		redis_async_drop(&s->commands);
		return;
	}
	if (place_cmp(before, s->hub->last) < 0)
		warnx("%s has lost events: it was set back",
		    s->hub->conf->redis.shown);
	if (say_topic(s, "SUBSCRIBE", text_of(s->attach.marker)) == -1)
		redis_async_drop(&s->commands);
}

static void
link_up(void *arg)
{
	struct source_redis *s = arg;
	struct bus_command c = { 0 };

	if (!s->commands.up || !s->live.up)
		return;
	if (bus_raise_command(s->conf, s->hub->last, &c) == 0)
		(void)redis_async_send(&s->commands, raised, s, &c);
	bus_command_free(&c);
}

/* One link is gone: the other goes too, and all is set up again. */
static void
link_down(void *arg, const char *why)
{
	struct source_redis *s = arg;
	struct topic *t, *next;

	if (s->ready && !s->was_lost)
		warnx("%s: %s; reconnecting", s->hub->conf->redis.shown, why);
	s->was_lost = s->was_lost || s->ready;
	s->ready = false;
	publisher_down(&s->publisher);
	attach_reset(&s->attach);
	for (t = named_first(&s->topics); t != NULL; t = next) {
		next = named_next(&t->named);
		attach_forget(&s->attach, t);
		if (t->wanted)
			attach_resume(&s->attach, t);
		else
			topic_free(&s->topics, t);
	}
	redis_async_drop(&s->commands);
	redis_async_drop(&s->live);
}

void
source_redis_sync(struct source_redis *s, unsigned int worker)
{
	attach_sync(&s->attach, (int)worker, s->ready);
}

static void
attach_failed(void *arg)
{
	struct source_redis *s = arg;

	redis_async_drop(&s->live);
}

/* A link that is silent is dead; PING on one that subscribes tells nothing. */
static void
probe_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct source_redis *s = t->data;

	(void)revents;
	if (!s->ready)
		return;
	if (ev_now(loop) - s->heard > SILENCE_MAX_S) {
		redis_async_drop(&s->live);
		return;
	}
	attach_sync(&s->attach, -1, true);
}

int
source_redis_publish(
    struct source_redis *s, const struct event *ev, struct post *post)
{
	return publisher_add(&s->publisher, ev, post);
}

bool
source_redis_room(const struct source_redis *s)
{
	return publisher_room(&s->publisher);
}

bool
source_redis_up(const struct source_redis *s)
{
	return s->ready;
}

size_t
source_redis_pending(const struct source_redis *s)
{
	return publisher_pending(&s->publisher);
}

bool
source_redis_settled(struct source_redis *s)
{
	if (publisher_pending(&s->publisher) > 0)
		return false;
	if (place_cmp(s->publisher.last, s->hub->horizon) <= 0)
		return true;
	/* Nobody here may read it, so that only a marker brings its place. */
	if (s->ready && TAILQ_EMPTY(&s->attach.rounds))
		attach_sync(&s->attach, -1, true);
	return false;
}

/* Exit statuses are the whole answer of a server that cannot start. */
static int
reach(const struct redis_url *url)
{
	struct redis_link *link = redis_link_new(url);
	enum redis_link_state state;

	if (link == NULL)
		return EX_SOFTWARE;
	state = redis_link_open(link, clock_mono_ms() + START_MS);
	if (state != REDIS_LINK_OK)
		warnx("%s", redis_link_fault(link));
	redis_link_free(link);
	switch (state) {
	case REDIS_LINK_OK:
		return 0;
	case REDIS_LINK_DENIED:
		return EX_NOPERM;
	case REDIS_LINK_BAD:
		return EX_PROTOCOL;
	default:
		return EX_UNAVAILABLE;
	}
}

struct source_redis *
source_redis_new(struct hub *h, int *status)
{
	const struct redis_url *url = &h->conf->redis;
	struct source_redis *s;

	if ((*status = reach(url)) != 0)
		return NULL;
	*status = EX_SOFTWARE;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->hub = h;
	s->conf = &h->conf->bus;
	RB_INIT(&s->topics);
	attach_init(&s->attach, h, &s->commands, attach_failed, s);
	ev_prepare_init(&s->flush, flush_ready);
	ev_timer_init(&s->probe, probe_ready, PROBE_S, PROBE_S);
	s->flush.data = s->probe.data = s;
	ev_prepare_start(h->loop, &s->flush);
	ev_timer_start(h->loop, &s->probe);
	redis_async_open(&s->commands, h->loop, url, link_up, link_down, s);
	redis_async_open(&s->live, h->loop, url, link_up, link_down, s);
	if ((s->decoder = bus_live_new(s->conf)) == NULL ||
	    publisher_open(&s->publisher, h, &s->commands) == -1) {
		source_redis_free(s);
		return NULL;
	}
	return s;
}

void
source_redis_free(struct source_redis *s)
{
	struct topic *t;

	if (s == NULL)
		return;
	redis_async_close(&s->commands);
	redis_async_close(&s->live);
	publisher_close(&s->publisher);
	attach_clear(&s->attach);
	while ((t = named_first(&s->topics)) != NULL)
		topic_free(&s->topics, t);
	bus_live_free(s->decoder);
	ev_prepare_stop(s->hub->loop, &s->flush);
	ev_timer_stop(s->hub->loop, &s->probe);
	free(s);
}
