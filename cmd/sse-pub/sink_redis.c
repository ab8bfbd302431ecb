#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "redis_link.h"
#include "sink_redis.h"
#include "units.h"

#define BUSY_PAUSE_MS 50
#define PRODUCER_BYTES 12

struct sink_redis {
	struct sink sink; /* first, so that a sink is one of these */
	struct redis_link *link;
	struct bus_batch *gather; /* being filled */
	struct bus_batch *sent;   /* on its way, kept until it is answered */
	struct bus_minted *minted;
	struct sse_text once;
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

struct sink *
sink_redis_new(const struct redis_url *url, const struct bus_conf *conf,
    struct sse_text once, int64_t timeout_ms)
{
	struct sink_redis *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->sink.ops = &ops;
	s->sink.timeout_ms = timeout_ms;
	s->once = once;
	producer_name(s->producer);
	if ((s->link = redis_link_new(url)) == NULL ||
	    (s->gather = bus_batch_new(conf)) == NULL ||
	    (s->sent = bus_batch_new(conf)) == NULL ||
	    (s->minted = calloc(SINK_BATCH_EVENTS, sizeof(*s->minted))) ==
		NULL) {
		sink_free(&s->sink);
		return NULL;
	}
	return &s->sink;
}

static void
redis_free(struct sink *sink)
{
	struct sink_redis *s = (struct sink_redis *)sink;

	redis_link_free(s->link);
	bus_batch_free(s->gather);
	bus_batch_free(s->sent);
	free(s->minted);
	free(s);
}

static int
link_status(enum redis_link_state state)
{
	switch (state) {
	case REDIS_LINK_DENIED:
		return EX_NOPERM;
	case REDIS_LINK_BAD:
		return EX_PROTOCOL;
	case REDIS_LINK_BUSY:
		return EX_TEMPFAIL;
	default:
		return EX_UNAVAILABLE;
	}
}

enum sink_state
sink_redis_open(struct sink *sink)
{
	struct sink_redis *s = (struct sink_redis *)sink;
	int64_t deadline_ms = clock_mono_ms() + sink->timeout_ms;
	enum redis_link_state state;

	for (;;) {
		state = redis_link_open(s->link, deadline_ms);
		if (state == REDIS_LINK_OK)
			return SINK_READY;
		if (state != REDIS_LINK_BUSY ||
		    clock_mono_ms() + BUSY_PAUSE_MS >= deadline_ms)
			return sink_fail(sink, link_status(state), false, "%s",
			    redis_link_fault(s->link));
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
redis_add(struct sink *sink, const struct event *ev)
{
	struct sink_redis *s = (struct sink_redis *)sink;

	return bus_batch_add(s->gather, ev, s->once);
}

/* What was gathered becomes what is sent; the other batch is filled next. */
static int
swap_batches(struct sink_redis *s)
{
	struct bus_batch *full = s->gather;

	s->gather = s->sent;
	s->sent = full;
	bus_batch_clear(s->gather);
	s->sink.gathered = 0;
	return bus_batch_set_producer(full, s->producer, ++s->number);
}

static enum sink_state
published(struct sink_redis *s)
{
	for (size_t i = 0; i < bus_batch_count(s->sent); i++)
		if (sink_minted(&s->sink, s->minted[i].id) == -1)
			return sink_fail(
			    &s->sink, EX_SOFTWARE, true, "out of memory");
	return SINK_READY;
}

/*
 * Publish what was sent by all means that are left: on a new connection, by
 * the script's text, after the pauses that a busy Redis needs.
 */
static enum redis_link_state
publish(struct sink_redis *s, enum bus_answer *answer, redisReply **r)
{
	return redis_link_publish(
	    s->link, s->sent, s->sink.deadline_ms, answer, s->minted, r, NULL);
}

/*
 * Redis does not know of batches before this one, though all were answered: a
 * failover has lost them.  What we have goes on under a new producer's name.
 */
static enum redis_link_state
publish_as_another(
    struct sink_redis *s, enum bus_answer *answer, redisReply **r)
{
	warnx("%s: events that Redis had taken are lost; going on",
	    redis_link_fault(s->link));
	if (*r != NULL)
		freeReplyObject(*r);
	*r = NULL;
	producer_name(s->producer);
	s->number = 1;
	if (bus_batch_set_producer(s->sent, s->producer, s->number) == -1)
		return REDIS_LINK_BAD;
	return publish(s, answer, r);
}

static enum sink_state
settle(struct sink_redis *s)
{
	enum bus_answer answer = BUS_OK;
	enum redis_link_state link;
	enum sink_state state;
	redisReply *r = NULL;

	link = publish(s, &answer, &r);
	if (link == REDIS_LINK_OK && answer == BUS_ORDER)
		link = publish_as_another(s, &answer, &r);
	if (link == REDIS_LINK_OK && answer == BUS_OK)
		state = published(s);
	else if (link == REDIS_LINK_OK)
		state = sink_fail(&s->sink, EX_PROTOCOL, false, "%s",
		    redis_link_fault(s->link));
	else
		state = sink_fail(&s->sink, link_status(link),
		    link == REDIS_LINK_DOWN, "%s", redis_link_fault(s->link));
	if (r != NULL)
		freeReplyObject(r);
	return state;
}

static enum sink_state
redis_send(struct sink *sink)
{
	struct sink_redis *s = (struct sink_redis *)sink;
	struct bus_command c = { 0 };
	enum redis_link_state link;

	if (swap_batches(s) == -1 || bus_batch_command(s->sent, true, &c) == -1)
		return sink_fail(sink, EX_SOFTWARE, false, "out of memory");
	sink->deadline_ms = clock_mono_ms() + sink->timeout_ms;
	link = redis_link_open(s->link, sink->deadline_ms);
	if (link == REDIS_LINK_OK)
		link = redis_link_send(s->link, &c);
	if (link == REDIS_LINK_OK)
		link = redis_link_flush(s->link, sink->deadline_ms);
	bus_command_free(&c);
	if (link != REDIS_LINK_OK)
		return settle(s);
	sink->fd = redis_link_fd(s->link);
	return SINK_SENT;
}

static enum sink_state
redis_receive(struct sink *sink)
{
	struct sink_redis *s = (struct sink_redis *)sink;
	enum sink_state state;
	redisReply *r = NULL;

	if (redis_link_reply(s->link, &r, sink->deadline_ms) != REDIS_LINK_OK)
		return settle(s);
	/* Whatever else it says is said again, and then looked at. */
	if (bus_batch_answer(s->sent, r, s->minted, NULL) == BUS_OK)
		state = published(s);
	else
		state = settle(s);
	freeReplyObject(r);
	return state;
}

static const struct sink_ops ops = {
	.fits = redis_fits,
	.add = redis_add,
	.send = redis_send,
	.receive = redis_receive,
	.free = redis_free,
};
