#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "sink_redis.h"
#include "units.h"

#define BUSY_PAUSE_MS 50
#define PRODUCER_BYTES 12
#define WINDOW 2

/* A batch on its way, kept until it is answered. */
struct flight {
	struct bus_batch *batch;
	int64_t deadline_ms;
};

struct sink_redis {
	struct sink sink; /* first, so that a sink is one of these */
	struct redis_link *link;
	struct bus_batch *gather;     /* being filled */
	struct flight flight[WINDOW]; /* the oldest first */
	struct bus_minted *minted;
	unsigned int replicas;
	uint64_t number;                       /* of the batch sent last */
	char producer[2 * PRODUCER_BYTES + 1]; /* random, of this run */
};

static const struct sink_ops ops;

static void
producer_name(char *name)
{
	unsigned char bytes[PRODUCER_BYTES];

	arc4random_buf(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(name + 2 * i, 3, "%02x", bytes[i]);
}

static int
make_batches(struct sink_redis *s, const struct bus_conf *conf)
{
	if ((s->gather = bus_batch_new(conf)) == NULL)
		return -1;
	for (size_t i = 0; i < WINDOW; i++)
		if ((s->flight[i].batch = bus_batch_new(conf)) == NULL)
			return -1;
	s->minted = calloc(s->sink.batch_max, sizeof(*s->minted));
	return s->minted == NULL ? -1 : 0;
}

struct sink *
sink_redis_new(const struct redis_url *url, const struct bus_conf *conf,
    size_t batch_max, unsigned int replicas, int64_t timeout_ms)
{
	struct sink_redis *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	sink_init(&s->sink, &ops, timeout_ms);
	s->sink.batch_max = batch_max;
	/* What waits for replicas waits alone. */
	s->sink.window = replicas > 0 ? 1 : WINDOW;
	s->replicas = replicas;
	producer_name(s->producer);
	if ((s->link = redis_link_new(url)) == NULL ||
	    make_batches(s, conf) == -1) {
		sink_free(&s->sink);
		return NULL;
	}
	redis_link_set_home(s->link, conf->prefix);
	return &s->sink;
}

static void
redis_free(struct sink *sink)
{
	struct sink_redis *s = (struct sink_redis *)sink;

	redis_link_free(s->link);
	bus_batch_free(s->gather);
	for (size_t i = 0; i < WINDOW; i++)
		bus_batch_free(s->flight[i].batch);
	free(s->minted);
	free(s);
}

enum sink_state
sink_redis_open(struct sink *sink)
{
	struct sink_redis *s = (struct sink_redis *)sink;
	int64_t deadline_ms = clock_mono_ms() + sink->timeout_ms;
	enum redis_link_state state;

	redis_link_set_stop(s->link, sink->stop);
	for (;;) {
		state = redis_link_open(s->link, deadline_ms);
		if (state == REDIS_LINK_OK)
			return SINK_READY;
		if (state != REDIS_LINK_BUSY ||
		    clock_mono_ms() + BUSY_PAUSE_MS >= deadline_ms)
			return sink_fail(sink, redis_link_status(state), false,
			    "%s", redis_link_fault(s->link));
		poll(NULL, 0, BUSY_PAUSE_MS);
	}
}

static bool
redis_fits(const struct sink *sink, const struct event *ev)
{
	const struct sink_redis *s = (const struct sink_redis *)sink;

	return bus_batch_bytes(s->gather) + ev->data.len <= SINK_BATCH_BYTES;
}

static int
redis_add(struct sink *sink, const struct event *ev, struct sse_text once)
{
	struct sink_redis *s = (struct sink_redis *)sink;

	return bus_batch_add(s->gather, ev, once);
}

/* What was gathered is the last on its way; another batch is filled next. */
static int
launch(struct sink_redis *s)
{
	struct flight *f = &s->flight[s->sink.on_way++];
	struct bus_batch *full = s->gather;

	s->gather = f->batch;
	f->batch = full;
	f->deadline_ms = clock_mono_ms() + s->sink.timeout_ms;
	bus_batch_clear(s->gather);
	s->sink.gathered = 0;
	return bus_batch_set_producer(full, s->producer, ++s->number);
}

/* The oldest has arrived. */
static void
land(struct sink_redis *s)
{
	struct flight landed = s->flight[0];

	s->sink.on_way--;
	memmove(s->flight, s->flight + 1, s->sink.on_way * sizeof(landed));
	s->flight[s->sink.on_way] = landed;
	s->sink.deadline_ms = s->flight[0].deadline_ms;
}

/* Await the replicas. */
static enum sink_state
confirm(struct sink_redis *s)
{
	int64_t deadline_ms = s->flight[0].deadline_ms;
	int64_t left_ms = deadline_ms - clock_mono_ms();
	enum redis_link_state link;
	redisReply *r = NULL;
	long long have = 0;

	if (s->replicas == 0)
		return SINK_READY;
	/* WAIT is to answer before we cease to listen; 0 is for ever. */
	left_ms = left_ms > 200 ? left_ms - 100 : left_ms / 2 + 1;
	link = redis_link_wait(s->link, s->replicas, left_ms, deadline_ms, &r);
	if (link == REDIS_LINK_OK && r->type == REDIS_REPLY_INTEGER)
		have = r->integer;
	else if (link == REDIS_LINK_OK)
		link = redis_link_refused(s->link, bus_answer_of(r), r);
	freeReplyObject(r);
	if (link != REDIS_LINK_OK)
		return sink_fail(&s->sink, redis_link_status(link), true, "%s",
		    redis_link_fault(s->link));
	if (have < (long long)s->replicas)
		return sink_fail(&s->sink, EX_TEMPFAIL, true,
		    "%lld replicas of %u that --replicas wants have answered "
		    "in time",
		    have, s->replicas);
	return SINK_READY;
}

/* The oldest is published, as r says. */
static enum sink_state
published(struct sink_redis *s, const redisReply *r)
{
	size_t n = bus_batch_count(s->flight[0].batch), refused, iter = 0;
	struct sse_text why;

	if (confirm(s) == SINK_FAILED)
		return SINK_FAILED;
	sink_reached(&s->sink, bus_batch_reached(r));
	while ((refused = bus_batch_refused(r, &iter, &why)) > 0)
		sink_refused(&s->sink, refused, why);
	for (size_t i = 0; i < n; i++) {
		s->sink.known += s->minted[i].keyed;
		if (sink_minted(&s->sink, s->minted[i].id) == -1)
			return sink_fail(
			    &s->sink, EX_SOFTWARE, true, "out of memory");
	}
	land(s);
	return sink_state(&s->sink);
}

/*
 * Redis does not know of batches before this one, though all were answered: a
 * failover has lost them.  What we have goes on under a new producer's name.
 */
static int
rename_producer(struct sink_redis *s)
{
	warnx("%s: events that Redis had taken are lost; going on",
	    redis_link_fault(s->link));
	producer_name(s->producer);
	s->number = 0;
	for (size_t i = 0; i < s->sink.on_way; i++)
		if (bus_batch_set_producer(
			s->flight[i].batch, s->producer, ++s->number) == -1)
			return -1;
	return 0;
}

static enum redis_link_state
publish(struct sink_redis *s, enum bus_answer *answer, redisReply **r)
{
	return redis_link_publish(s->link, s->flight[0].batch,
	    s->flight[0].deadline_ms, answer, s->minted, r, NULL);
}

/*
 * Publish the oldest by all means that are left: on a new connection, by the
 * script's text, after the pauses that a busy Redis needs.
 */
static enum sink_state
settle_oldest(struct sink_redis *s)
{
	enum bus_answer answer = BUS_OK;
	enum redis_link_state link;
	enum sink_state state;
	redisReply *r = NULL;

	link = publish(s, &answer, &r);
	if (link == REDIS_LINK_OK && answer == BUS_ORDER) {
		freeReplyObject(r);
		r = NULL;
		if (rename_producer(s) == -1)
			return sink_fail(
			    &s->sink, EX_SOFTWARE, false, "out of memory");
		link = publish(s, &answer, &r);
	}
	if (link == REDIS_LINK_OK && answer == BUS_OK)
		state = published(s, r);
	else if (link == REDIS_LINK_OK)
		state = sink_fail(&s->sink, EX_PROTOCOL, false, "%s",
		    redis_link_fault(s->link));
	else
		state = sink_fail(&s->sink, redis_link_status(link),
		    link == REDIS_LINK_DOWN, "%s", redis_link_fault(s->link));
	if (r != NULL)
		freeReplyObject(r);
	return state;
}

/* Publish all that is on its way one after the other. */
static enum sink_state
settle(struct sink_redis *s)
{
	enum sink_state state;

	/* What is still answered would be taken for the answer to another. */
	if (s->sink.on_way > 1)
		redis_link_close(s->link);
	while ((state = settle_oldest(s)) == SINK_SENT)
		s->flight[0].deadline_ms = clock_mono_ms() + s->sink.timeout_ms;
	return state;
}

static enum sink_state
redis_send(struct sink *sink)
{
	struct sink_redis *s = (struct sink_redis *)sink;
	struct bus_command c = { 0 };
	enum redis_link_state link;
	struct flight *f = &s->flight[sink->on_way];

	if (launch(s) == -1 || bus_batch_command(f->batch, true, &c) == -1)
		return sink_fail(sink, EX_SOFTWARE, false, "out of memory");
	sink->deadline_ms = s->flight[0].deadline_ms;
	/* A connection that was lost took the others with it. */
	if (redis_link_fd(s->link) == -1 && sink->on_way > 1)
		link = REDIS_LINK_DOWN;
	else
		link = redis_link_open(s->link, f->deadline_ms);
	if (link == REDIS_LINK_OK)
		link = redis_link_send(s->link, &c);
	if (link == REDIS_LINK_OK)
		link = redis_link_flush(s->link, f->deadline_ms);
	bus_command_free(&c);
	if (link != REDIS_LINK_OK)
		return settle(s);
	sink->fd = redis_link_fd(s->link);
	return SINK_SENT;
}

/* What the reply to the oldest makes of it. */
static enum sink_state
take(struct sink_redis *s, redisReply *r)
{
	enum sink_state state;

	/* Whatever else it says is said again, and then looked at. */
	if (bus_batch_answer(s->flight[0].batch, r, s->minted, NULL) == BUS_OK)
		state = published(s, r);
	else
		state = settle(s);
	freeReplyObject(r);
	return state;
}

static enum sink_state
redis_receive(struct sink *sink)
{
	struct sink_redis *s = (struct sink_redis *)sink;
	enum sink_state state;
	redisReply *r = NULL;

	if (redis_link_reply(s->link, &r, s->flight[0].deadline_ms) !=
	    REDIS_LINK_OK)
		return settle(s);
	/* What was read along with it would not show in a poll(2). */
	while ((state = take(s, r)) == SINK_SENT) {
		if (redis_link_poll(s->link, &r) != REDIS_LINK_OK)
			return settle(s);
		if (r == NULL)
			break;
	}
	return state;
}

static const struct sink_ops ops = {
	.fits = redis_fits,
	.add = redis_add,
	.send = redis_send,
	.receive = redis_receive,
	.free = redis_free,
};
