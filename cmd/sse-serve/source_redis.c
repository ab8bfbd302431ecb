#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "hub.h"
#include "post.h"
#include "publisher.h"
#include "redis_async.h"
#include "redis_link.h"
#include "source_redis.h"
#include "topic.h"
#include "units.h"

#define START_MS 5000     /* to reach Redis at the start */
#define ROUND_TOPICS 64   /* logs read by one command */
#define OVER_COUNT 256    /* logs may hold more than the count */
#define PROBE_S 5.        /* a marker is sent so often */
#define SILENCE_MAX_S 15. /* and has to be back by then */

/*
 * One attach command: it reads the logs of topics, or of none, and sends a
 * marker over the other link.  It is done when both have come, in any order.
 */
struct round {
	TAILQ_ENTRY(round) entry;
	struct source_redis *source;
	uint64_t number;
	int worker; /* that asked for the last place; -1: none */
	size_t n;
	struct topic *topics[ROUND_TOPICS]; /* borrowed; may be gone by then */
	struct place last;
	bool replied;
};

TAILQ_HEAD(round_list, round);

struct source_redis {
	struct hub *hub;
	const struct bus_conf *conf;
	struct redis_async commands;
	struct redis_async live;
	struct publisher publisher;
	struct bus_live *decoder;
	struct named_tree topics;
	struct topic_list subscribed; /* their logs are to be read */
	struct round_list rounds;     /* sent, or to be sent again */
	uint64_t rounds_sent;
	size_t resuming;     /* topics that are not live again yet */
	struct place passed; /* by the live link */
	ev_prepare flush;
	ev_timer probe;
	double heard; /* when the last marker came */
	bool ready;   /* both links are up and the marker is subscribed */
	bool was_lost;
	char marker[BUS_MARKER_LEN];
};

static void on_live(redisAsyncContext *context, void *reply, void *priv);

static struct history *
history_of(struct source_redis *s, const struct topic *t)
{
	return archive_get(&s->hub->archive, t->named.name);
}

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

/*
 * The live link has passed p.  While logs are read again it is not told: what
 * they hold stands before it.
 */
static void
pass(struct source_redis *s, struct place p)
{
	s->passed = place_max(s->passed, p);
	if (s->resuming == 0)
		hub_raise(s->hub, s->passed);
}

static void
set_live(struct source_redis *s, struct topic *t)
{
	struct history *h = history_of(s, t);

	t->stage = TOPIC_LIVE;
	t->round = 0;
	if (t->resumed)
		s->resuming--;
	t->resumed = false;
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->nearly; i++)
		hub_deliver(s->hub, h->early[i]);
	h->nearly = 0;
	if (!h->loaded)
		hub_loaded(s->hub, h);
}

/* Both halves have come: the topics are live, whoever asked is told. */
static void
round_done(struct source_redis *s, struct round *r)
{
	TAILQ_REMOVE(&s->rounds, r, entry);
	for (size_t i = 0; i < r->n; i++)
		if (r->topics[i] != NULL)
			set_live(s, r->topics[i]);
	if (s->resuming == 0)
		hub_raise(s->hub, s->passed);
	if (r->worker >= 0)
		hub_tell(s->hub, (unsigned int)r->worker,
		    &(struct notice){
			.what = NOTICE_SYNCED, .place = s->hub->horizon });
	free(r);
}

/* Rounds end in the order in which they began, as markers do. */
static void
finish_rounds(struct source_redis *s)
{
	struct round *r, *next;

	TAILQ_FOREACH_SAFE(r, &s->rounds, entry, next) {
		if (!r->replied || place_cmp(r->last, s->passed) > 0)
			return;
		round_done(s, r);
	}
}

static struct message *
message_of(struct source_redis *s, struct bus_entry *e, struct sse_text channel)
{
	e->ev.channel = channel;
	return message_new(&s->hub->scratch, &e->ev, e->place, e->prev);
}

/* One log has come.  A new one fills its history, another one is caught up. */
static void
take_log(struct source_redis *s, struct topic *t, const redisReply *reply,
    size_t log)
{
	struct history *h = history_of(s, t);
	size_t n = bus_log_count(reply, log);
	struct bus_entry e;

	for (size_t i = 0; h != NULL && i < n; i++) {
		struct message *m;

		if (bus_log_entry(reply, log, i, &e) == -1 ||
		    (m = message_of(s, &e, t->named.name)) == NULL)
			continue;
		if (t->resumed)
			hub_deliver(s->hub, m);
		else
			archive_load(&s->hub->archive, h, m);
	}
	if (h != NULL && n == 0 && !t->resumed)
		archive_dropped(&s->hub->archive, h, bus_log_top(reply, log));
}

static void
attached(redisAsyncContext *context, void *reply, void *priv)
{
	struct round *r = priv;
	struct source_redis *s;
	struct bus_attached a;

	(void)context;
	if (reply == NULL)
		return; /* link_down() has seen to it; r may be gone */
	s = r->source;
	if (bus_attach_answer(reply, &a) != BUS_OK) {
		warnx("Redis: %s", bus_error(reply));
		redis_async_drop(&s->live);
		return;
	}
	s->hub->birth = a.birth;
	r->last = a.last;
	r->replied = true;
	for (size_t i = 0; i < r->n && i < a.nlogs; i++)
		if (r->topics[i] != NULL)
			take_log(s, r->topics[i], reply, i);
	finish_rounds(s);
}

static void
send_round(struct source_redis *s, struct round *r, struct place after)
{
	struct sse_text names[ROUND_TOPICS];
	struct bus_command c = { 0 };
	unsigned int count = s->conf->log_count +
	    (place_is_zero(after) ? 0 : OVER_COUNT);

	for (size_t i = 0; i < r->n; i++)
		names[i] = r->topics[i]->named.name;
	/* By its text: it is small, and never unknown. */
	if (bus_attach_command(
		s->conf, s->marker, names, r->n, after, count, false, &c) == 0)
		(void)redis_async_send(&s->commands, attached, r, &c);
	bus_command_free(&c);
}

static struct round *
round_new(struct source_redis *s, int worker)
{
	struct round *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->source = s;
	r->worker = worker;
	r->number = ++s->rounds_sent;
	TAILQ_INSERT_TAIL(&s->rounds, r, entry);
	return r;
}

static int
begin_round(struct source_redis *s)
{
	struct topic *t = TAILQ_FIRST(&s->subscribed);
	bool resumed = t->resumed;
	struct round *r = round_new(s, -1);

	if (r == NULL)
		return -1;
	while ((t = TAILQ_FIRST(&s->subscribed)) != NULL &&
	    r->n < ROUND_TOPICS && t->resumed == resumed) {
		TAILQ_REMOVE(&s->subscribed, t, by_stage);
		t->stage = TOPIC_LOADING;
		t->round = r->number;
		r->topics[r->n++] = t;
	}
	send_round(s, r, resumed ? s->hub->horizon : PLACE_ZERO);
	return 0;
}

/* At the end of a turn all that have been confirmed are read together. */
static void
flush_ready(struct ev_loop *loop, ev_prepare *p, int revents)
{
	struct source_redis *s = p->data;

	(void)loop;
	(void)revents;
	while (s->ready && !TAILQ_EMPTY(&s->subscribed))
		if (begin_round(s) == -1)
			return; /* without memory, the next turn tries again */
}

/* A round that is under way must not find a topic that is gone. */
static void
forget_in_rounds(struct source_redis *s, const struct topic *t)
{
	struct round *r;

	TAILQ_FOREACH(r, &s->rounds, entry)
		for (size_t i = 0; i < r->n; i++)
			if (r->topics[i] == t)
				r->topics[i] = NULL;
}

static void
drop_early(struct history *h)
{
	for (size_t i = 0; i < h->nearly; i++)
		message_unref(h->early[i]);
	h->nearly = 0;
}

/* Take a topic out of whatever stage it is in. */
static void
unstage(struct source_redis *s, struct topic *t)
{
	struct history *h = archive_find(&s->hub->archive, t->named.name);

	if (t->stage == TOPIC_SUBSCRIBED)
		TAILQ_REMOVE(&s->subscribed, t, by_stage);
	if (t->stage == TOPIC_LOADING)
		forget_in_rounds(s, t);
	if (h != NULL)
		drop_early(h);
	t->stage = TOPIC_OFF;
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
	t->wanted = false;
	if (t->resumed)
		s->resuming--;
	t->resumed = false;
	/* Its SUBSCRIBE is to be confirmed first. */
	if (t->stage == TOPIC_SUBSCRIBING || t->stage == TOPIC_LEAVING)
		return;
	if (t->stage == TOPIC_OFF) {
		topic_free(&s->topics, t);
		return;
	}
	unstage(s, t);
	unsubscribe(s, t);
}

static void
confirmed(struct source_redis *s, struct sse_text name, bool in)
{
	struct topic *t = named_find(&s->topics, name);

	if (t == NULL)
		return;
	if (in && t->wanted) {
		t->stage = TOPIC_SUBSCRIBED;
		TAILQ_INSERT_TAIL(&s->subscribed, t, by_stage);
	} else if (in)
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
		pass(s, horizon);
		finish_rounds(s);
	}
	while (kind == 1 && bus_live_next(s->decoder, &e) == 1) {
		struct topic *t = named_find(&s->topics, e.ev.channel);
		struct history *h = t == NULL ? NULL : history_of(s, t);
		struct message *m;

		/* Events in their order, and the horizon behind each. */
		if (h != NULL && t->wanted &&
		    (m = message_of(s, &e, t->named.name)) != NULL) {
			if (t->stage == TOPIC_LIVE)
				hub_deliver(s->hub, m);
			else if (history_early(h, m) == -1)
				message_unref(m);
		}
		pass(s, e.place);
	}
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
	if (text_is(topic, s->marker)) {
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
	struct round *r;

	s->ready = true;
	s->heard = ev_now(s->hub->loop);
	if (s->was_lost && s->hub->conf->verbose >= 0)
		warnx("%s is back", s->hub->conf->redis.shown);
	s->was_lost = false;
	for (t = named_first(&s->topics); t != NULL; t = named_next(&t->named))
		if (t->wanted && t->stage == TOPIC_OFF)
			subscribe(s, t);
	TAILQ_FOREACH(r, &s->rounds, entry)
		send_round(s, r, PLACE_ZERO);
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
	if (say_topic(s, "SUBSCRIBE", text_of(s->marker)) == -1)
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

/* Rounds that read logs begin anew with their topics; syncs are asked again. */
static void
reset_rounds(struct source_redis *s)
{
	struct round *r, *next;

	TAILQ_FOREACH_SAFE(r, &s->rounds, entry, next) {
		r->replied = false;
		if (r->worker >= 0)
			continue;
		TAILQ_REMOVE(&s->rounds, r, entry);
		free(r);
	}
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
	s->resuming = 0;
	publisher_down(&s->publisher);
	for (t = named_first(&s->topics); t != NULL; t = next) {
		struct history *h;

		next = named_next(&t->named);
		unstage(s, t);
		if (!t->wanted) {
			topic_free(&s->topics, t);
			continue;
		}
		h = history_of(s, t);
		t->resumed = h != NULL && h->loaded;
		s->resuming += t->resumed;
	}
	reset_rounds(s);
	redis_async_drop(&s->commands);
	redis_async_drop(&s->live);
}

void
source_redis_sync(struct source_redis *s, unsigned int worker)
{
	struct round *r = round_new(s, (int)worker);

	if (r != NULL && s->ready)
		send_round(s, r, PLACE_ZERO);
}

/* A link that is silent is dead; PING on one that subscribes tells nothing. */
static void
probe_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct source_redis *s = t->data;
	struct round *r;

	(void)revents;
	if (!s->ready)
		return;
	if (ev_now(loop) - s->heard > SILENCE_MAX_S) {
		redis_async_drop(&s->live);
		return;
	}
	if ((r = round_new(s, -1)) != NULL)
		send_round(s, r, PLACE_ZERO);
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
	struct round *r;

	if (publisher_pending(&s->publisher) > 0)
		return false;
	if (place_cmp(s->publisher.last, s->hub->horizon) <= 0)
		return true;
	/* Nobody here may read it, so that only a marker brings its place. */
	if (s->ready && TAILQ_EMPTY(&s->rounds) &&
	    (r = round_new(s, -1)) != NULL)
		send_round(s, r, PLACE_ZERO);
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
	TAILQ_INIT(&s->subscribed);
	TAILQ_INIT(&s->rounds);
	bus_marker_name(s->conf, s->marker);
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
	struct round *r;

	if (s == NULL)
		return;
	redis_async_close(&s->commands);
	redis_async_close(&s->live);
	publisher_close(&s->publisher);
	while ((r = TAILQ_FIRST(&s->rounds)) != NULL) {
		TAILQ_REMOVE(&s->rounds, r, entry);
		free(r);
	}
	while ((t = named_first(&s->topics)) != NULL)
		topic_free(&s->topics, t);
	bus_live_free(s->decoder);
	ev_prepare_stop(s->hub->loop, &s->flush);
	ev_timer_stop(s->hub->loop, &s->probe);
	free(s);
}
