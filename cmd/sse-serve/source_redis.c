#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "arrival.h"
#include "attach.h"
#include "hub.h"
#include "interest.h"
#include "pages.h"
#include "publisher.h"
#include "redis_async.h"
#include "redis_check.h"
#include "source_redis.h"
#include "units.h"

#define PROBES 3 /* are sent within --redis-timeout */

struct source_redis {
	struct hub *hub;
	const struct bus_conf *conf;
	struct redis_async commands;
	struct redis_async live;
	struct publisher publisher;
	struct pages pages;
	struct bus_live *decoder;
	struct attach attach;
	struct interest interest;
	ev_prepare flush;
	ev_timer probe;
	ev_timer silence; /* since it last gave a sign of life */
	struct redis_async_calls calls;
	bool ready;        /* both links are up and the marker is subscribed */
	bool was_lost;     /* and said to be */
	char trouble[256]; /* said last of what keeps it lost */
};

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

/* What may be ours nevertheless, as when Redis' clock has leapt, is in the log. */
static void
take_broken(struct source_redis *s, struct sse_text channel)
{
	arrival_foreign(s->hub, channel,
	    "a message with broken blocks, or of the far future");
	attach_check(&s->attach, interest_find(&s->interest, channel));
}

static void
take_message(
    struct source_redis *s, struct sse_text topic, struct sse_text payload)
{
	struct bus_entry e;
	struct place horizon;
	int kind = bus_live_begin(s->decoder, topic, payload, s->hub->last,
	    (uint64_t)clock_unix_ms(), &horizon);

	if (kind == 2) {
		ev_timer_again(s->hub->loop, &s->silence);
		redis_async_good(&s->commands);
		redis_async_good(&s->live);
		attach_pass(&s->attach, horizon);
	}
	/* It may be found that another history has begun: then it is down. */
	while (kind == 1 && s->live.up && bus_live_next(s->decoder, &e) == 1)
		attach_live(
		    &s->attach, interest_find(&s->interest, e.ev.channel), &e);
	if (kind == 1 && s->live.up && bus_live_broken(s->decoder) > 0)
		take_broken(s,
		    (struct sse_text){ topic.ptr + strlen(s->conf->prefix),
			topic.len - strlen(s->conf->prefix) });
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
	interest_confirmed(&s->interest, topic, text_is(kind, "subscribe"));
}

/* All is up: subscribe again to what is wanted, and ask again what was asked. */
static void
marker_confirmed(struct source_redis *s)
{
	s->ready = true;
	ev_timer_again(s->hub->loop, &s->silence);
	if (s->was_lost && s->hub->conf->verbose >= 0 &&
	    hush_says(&s->hub->hush, clock_unix_ms()))
		warnx("%s: back", s->hub->conf->redis.shown);
	s->was_lost = false;
	s->trouble[0] = '\0';
	interest_up(&s->interest);
	attach_again(&s->attach);
	presence_again(&s->hub->presence);
	pages_again(&s->pages);
	hub_resume(s->hub);
	hub_ready(s->hub);
}

/* What keeps Redis from being used, once as long as it is the same. */
static void
link_fails(void *arg, const char *why)
{
	struct source_redis *s = arg;

	if (strncmp(s->trouble, why, sizeof(s->trouble) - 1) == 0)
		return;
	strlcpy(s->trouble, why, sizeof(s->trouble));
	warnx("%s: %s; trying again", s->hub->conf->redis.shown, why);
}

/* sse:last stands at or behind all that was seen, or Redis has lost some. */
static void
raised(redisAsyncContext *context, void *reply, void *priv)
{
	struct source_redis *s = priv;
	struct place before;
	struct bus_fork fork;

	(void)context;
	if (reply == NULL)
		return;
	if (redis_async_elsewhere(&s->commands, reply))
		return;
	if (bus_raise_answer(reply, &before, &fork) != BUS_OK) {
		link_fails(s, bus_error(reply));
		redis_async_drop(&s->commands, bus_error(reply));
		return;
	}
	hub_forked(s->hub, &fork);
	if (place_cmp(before, s->hub->last) < 0)
		attach_fork(&s->attach);
	if (interest_say(
		&s->interest, "SUBSCRIBE", text_of(s->attach.marker)) == -1)
		redis_async_drop(&s->commands, "it cannot subscribe");
}

static void
link_up(void *arg)
{
	struct source_redis *s = arg;
	struct bus_command c = { 0 };

	if (!s->commands.up || !s->live.up)
		return;
	ev_timer_again(s->hub->loop, &s->silence);
	if (bus_raise_command(s->conf, s->hub->last, NULL, &c) == 0)
		(void)redis_async_send(&s->commands, raised, s, &c);
	bus_command_free(&c);
}

/* One link is gone: the other goes too, and all is set up again. */
static void
link_down(void *arg, const char *why)
{
	struct source_redis *s = arg;

	if (s->ready && !s->was_lost &&
	    hush_says(&s->hub->hush, clock_unix_ms()))
		warnx("%s: %s; reconnecting", s->hub->conf->redis.shown, why);
	s->hub->counters.redis_losses += s->ready;
	s->was_lost = s->was_lost || s->ready;
	s->ready = false;
	ev_timer_stop(s->hub->loop, &s->silence);
	publisher_down(&s->publisher);
	attach_reset(&s->attach);
	interest_down(&s->interest);
	redis_async_drop(&s->commands, why);
	redis_async_drop(&s->live, why);
}

void
source_redis_follow(struct source_redis *s, struct history *hist)
{
	interest_follow(&s->interest, hist);
}

void
source_redis_unfollow(struct source_redis *s, struct history *hist)
{
	interest_unfollow(&s->interest, hist);
}

struct redis_async *
source_redis_commands(struct source_redis *s)
{
	return &s->commands;
}

void
source_redis_page(struct source_redis *s, const struct notice *n)
{
	pages_ask(&s->pages, n);
}

void
source_redis_sync(struct source_redis *s, unsigned int worker)
{
	attach_sync(&s->attach, (int)worker, s->ready);
}

static void
attach_failed(void *arg, const char *why)
{
	struct source_redis *s = arg;

	link_fails(s, why);
	redis_async_drop(&s->live, why);
}

/* PING on a link that subscribes tells nothing; a marker does. */
static void
probe_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct source_redis *s = t->data;

	(void)loop;
	(void)revents;
	if (s->ready)
		attach_sync(&s->attach, -1, true);
}

/* A link that is silent is dead. */
static void
silence_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct source_redis *s = t->data;

	(void)loop;
	(void)revents;
	if (!s->ready)
		link_fails(s, "it does not answer");
	redis_async_drop(&s->live, "it does not answer");
}

int
source_redis_publish(
    struct source_redis *s, const struct event *ev, struct post *post)
{
	return publisher_add(&s->publisher, ev, post);
}

int
source_redis_publish_batch(struct source_redis *s, struct post *post)
{
	return publisher_add_batch(&s->publisher, post);
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

struct source_redis *
source_redis_new(struct hub *h, int *status)
{
	const struct conf *conf = h->conf;
	double probe_s = (double)conf->redis_timeout_ms / 1000 / PROBES;
	struct source_redis *s;

	if ((*status = redis_check(conf)) != 0)
		return NULL;
	*status = EX_SOFTWARE;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->hub = h;
	s->conf = &conf->bus;
	s->calls = (struct redis_async_calls){ link_up, link_down, link_fails,
		s };
	attach_init(&s->attach, h, &s->commands, attach_failed, s);
	interest_open(&s->interest, h, &s->live, &s->attach, on_live, s);
	pages_init(&s->pages, h, &s->commands);
	ev_prepare_init(&s->flush, flush_ready);
	ev_timer_init(&s->probe, probe_ready, probe_s, probe_s);
	ev_timer_init(&s->silence, silence_ready, 0., probe_s * PROBES);
	/* What has come while this process was held up is heard first. */
	ev_set_priority(&s->silence, EV_MINPRI);
	s->flush.data = s->probe.data = s->silence.data = s;
	ev_prepare_start(h->loop, &s->flush);
	ev_timer_start(h->loop, &s->probe);
	redis_async_open(&s->commands, h->loop, &conf->redis, s->conf->prefix,
	    conf->redis_timeout_ms, &s->calls);
	redis_async_open(&s->live, h->loop, &conf->redis, s->conf->prefix,
	    conf->redis_timeout_ms, &s->calls);
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
	if (s == NULL)
		return;
	redis_async_close(&s->commands);
	redis_async_close(&s->live);
	publisher_close(&s->publisher);
	attach_clear(&s->attach);
	pages_clear(&s->pages);
	interest_close(&s->interest);
	bus_live_free(s->decoder);
	ev_prepare_stop(s->hub->loop, &s->flush);
	ev_timer_stop(s->hub->loop, &s->probe);
	ev_timer_stop(s->hub->loop, &s->silence);
	free(s);
}
