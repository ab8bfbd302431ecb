#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "sink_redis_inner.h"
#include "units.h"
#include "visible.h"

#define ANSWER_MS 10000   /* silence for that long is a dead peer */
#define MARK_ONLY_MS 1000 /* between batches that only move the mark */

static struct sink_redis *
of(struct sink *k)
{
	return (struct sink_redis *)(void *)k;
}

/* Events that are not delivered, though their batch is. */
static void
note_refused(struct sink_redis *sr, const redisReply *r)
{
	char shown[SHOWN_BYTES];
	struct sse_text why;
	size_t n, iter = 0;

	while ((n = bus_batch_refused(r, &iter, &why)) > 0) {
		sr->sink.refused += n;
		warnx("%s: %s: %zu event%s passed over", sr->conf.to->shown,
		    visible_line(why, shown, sizeof(shown)), n,
		    n == 1 ? " for it is" : "s for it are");
	}
}

static enum sink_what
accepted(struct sink_redis *sr)
{
	sink_redis_here(sr);
	sr->refused = 0;
	sr->warm = true;
	sr->out--;
	sr->sent_ms = clock_mono_ms();
	return flights_landed(&sr->flights) == -1 ? sink_redis_nomem(sr)
						  : SINK_OK;
}

/* The ith of those launched. */
static enum sink_what
send_batch(struct sink_redis *sr, size_t i, bool by_sha)
{
	struct bus_command c = { 0 };
	enum redis_link_state state;

	if (flights_command(&sr->flights, i, by_sha, &c) == -1)
		return sink_redis_nomem(sr);
	if (sr->out == 0)
		sr->sent_ms = clock_mono_ms();
	state = redis_link_send(sr->link, &c);
	bus_command_free(&c);
	return state == REDIS_LINK_OK ? SINK_OK
				      : sink_redis_link_failed(sr, state);
}

/*
 * Those launched leave in their order.  Until the script is known to be there
 * only one does, so that it can be sent again by its text.
 */
static enum sink_what
send_due(struct sink_redis *sr)
{
	size_t most = sr->warm ? FLIGHT_ROW : 1;
	enum sink_what what = SINK_OK;

	while (what == SINK_OK && sr->connected && sr->out < most &&
	    sr->out < sr->flights.n) {
		what = send_batch(sr, sr->out, true);
		sr->out++;
	}
	return what;
}

/* A failover, say, lost batches of ours that bore no mark. */
static enum sink_what
forgotten(struct sink_redis *sr)
{
	if (sr->conf.verbose >= 0)
		warnx("%s: Redis has lost events that it had acknowledged",
		    sr->conf.to->shown);
	return flights_renumber(&sr->flights) == -1 ? sink_redis_nomem(sr)
						    : SINK_OK;
}

/*
 * Batches behind the one that was not taken are on their way, and will not be
 * taken either.  A new connection knows nothing of them.
 */
static void
start_over(struct sink_redis *sr)
{
	redis_link_close(sr->link);
	sr->connected = false;
	sr->outage.retry_ms = 0;
}

static enum sink_what
answer(struct sink_redis *sr, const redisReply *r)
{
	struct sse_text mark = { NULL, 0 };
	struct cargo *c = flights_sent(&sr->flights, 0)->cargo;
	enum bus_answer a = c->ops->answer(c, r, &mark);

	if (a == BUS_OK) {
		note_refused(sr, r);
		return accepted(sr);
	}
	if (sr->out > 1 &&
	    (a == BUS_NOSCRIPT || a == BUS_ORDER || a == BUS_MARK_MOVED)) {
		start_over(sr);
		return SINK_OK;
	}
	switch (a) {
	case BUS_NOSCRIPT:
		return send_batch(sr, 0, false);
	case BUS_ORDER:
		sr->out = 0;
		return forgotten(sr);
	case BUS_MARK_MOVED:
		sink_redis_here(sr);
		sr->out = 0;
		return sink_redis_mark_differs(sr, mark, false);
	default:
		return sink_redis_refused(sr, a, r);
	}
}

static enum sink_what
silent(struct sink_redis *sr)
{
	char why[256];

	snprintf(why, sizeof(why), "%s: no answer for %d s", sr->conf.to->shown,
	    ANSWER_MS / 1000);
	return sink_redis_away(sr, REDIS_LINK_DOWN, why);
}

/* The answers that are there; without a batch, the link's end. */
static enum sink_what
receive(struct sink_redis *sr)
{
	enum sink_what what = SINK_OK;
	redisReply *r;

	while (what == SINK_OK && sr->connected) {
		enum redis_link_state state = redis_link_poll(sr->link, &r);

		if (state != REDIS_LINK_OK)
			return sink_redis_link_failed(sr, state);
		if (r == NULL)
			return sr->out > 0 &&
				clock_mono_ms() - sr->sent_ms >= ANSWER_MS
			    ? silent(sr)
			    : SINK_OK;
		what = sr->out > 0 ? answer(sr, r)
				   : sink_redis_refused(sr, BUS_REFUSED, r);
		freeReplyObject(r);
	}
	return what;
}

/* A mark without events is stored now and then: a later run starts nearer. */
static int64_t
mark_due_ms(const struct sink_redis *sr)
{
	struct sse_text next = flights_next_mark(&sr->flights);

	if (!sr->sink.marked || next.len == 0 || sr->flights.n > 0 ||
	    mark_is(&sr->flights.mark, next))
		return INT64_MAX;
	return mark_none(&sr->flights.mark) ? 0 : sr->moved_ms + MARK_ONLY_MS;
}

static bool
is_full(const struct sink_redis *sr)
{
	const struct cargo *c = flights_gathering(&sr->flights);
	size_t full = sr->conf.cargo.batch_events;

	return c->ops->count(c) >= (full != 0 ? full : BUS_BATCH_EVENTS) ||
	    c->ops->bytes(c) >= BUS_BATCH_BYTES / 2;
}

/* Is what was gathered to leave?  While others travel, only once it is full. */
static bool
launch_due(const struct sink_redis *sr)
{
	if (sr->flights.n > 0)
		return sr->flights.n < FLIGHT_ROW && is_full(sr);
	return flights_gathered(&sr->flights) > 0 ||
	    clock_mono_ms() >= mark_due_ms(sr);
}

static enum sink_what
launch(struct sink_redis *sr)
{
	sr->moved_ms = clock_mono_ms();
	return flights_launch(&sr->flights) == -1 ? sink_redis_nomem(sr)
						  : SINK_OK;
}

static enum sink_what
redis_step(struct sink *k)
{
	struct sink_redis *sr = of(k);
	enum sink_what what = SINK_OK;
	size_t before;

	if (!sr->connected)
		what = sink_redis_reconnect(sr);
	do {
		before = sr->out;
		if (what == SINK_OK && sr->connected)
			what = receive(sr);
		if (what != SINK_OK || !sr->connected)
			return what;
		if (sr->rewind)
			return sink_redis_rewind_now(sr);
		if (launch_due(sr))
			what = launch(sr);
		if (what == SINK_OK)
			what = send_due(sr);
		/* An answer that came meanwhile makes room for one more. */
	} while (what == SINK_OK && sr->connected && sr->out != before);
	return what;
}

/*
 * An event without an ID shares the mark with the one before it, so it had
 * better leave with it: for those there is more room.
 */
static bool
redis_room(struct sink *k, const struct event *ev)
{
	const struct sink_redis *sr = of(k);
	const struct cargo *c = flights_gathering(&sr->flights);
	size_t n = c->ops->count(c), by = ev->has_id ? 1 : 2;

	if (!sr->connected || sr->rewind)
		return false;
	return n == 0 ||
	    (n < by * BUS_BATCH_EVENTS &&
		c->ops->bytes(c) + ev->data.len < by * BUS_BATCH_BYTES);
}

static int
redis_add(struct sink *k, const struct event *ev, struct sse_text once)
{
	struct cargo *c = flights_next(&of(k)->flights)->cargo;

	return c->ops->add(c, ev, once);
}

static int
redis_advance(struct sink *k, struct sse_text mark)
{
	/* Until the source is back there, next_to is where it is to go. */
	return of(k)->rewind
	    ? 0
	    : mark_set(&flights_next(&of(k)->flights)->to, mark);
}

static struct sse_text
redis_mark(struct sink *k)
{
	return flights_next_mark(&of(k)->flights);
}

static int
redis_wants(struct sink *k, struct pollfd *p)
{
	const struct sink_redis *sr = of(k);
	int64_t now = clock_mono_ms(), until = INT64_MAX;

	*p = (struct pollfd){ redis_link_fd(sr->link),
		redis_link_events(sr->link), 0 };
	if (!sr->connected)
		until = sr->outage.retry_ms;
	else if (sr->rewind)
		until = sr->rewind_ms;
	else if (sr->out > 0)
		until = sr->sent_ms + ANSWER_MS;
	else
		until = mark_due_ms(sr);
	if (until == INT64_MAX)
		return -1;
	return until <= now ? 0 : (int)(until - now);
}

static void
redis_woken(struct sink *k, short revents)
{
	(void)k;
	(void)revents;
}

static bool
redis_settled(struct sink *k)
{
	const struct sink_redis *sr = of(k);

	return sr->flights.n == 0 && !sr->rewind &&
	    flights_gathered(&sr->flights) == 0;
}

static size_t
redis_waiting(struct sink *k)
{
	return flights_waiting(&of(k)->flights);
}

/* When nothing waits, all that was taken or passed over is done. */
static struct sse_text
redis_done(struct sink *k)
{
	struct sink_redis *sr = of(k);

	return sr->sink.marked || !redis_settled(k)
	    ? mark_text(&sr->flights.mark)
	    : flights_next_mark(&sr->flights);
}

static const char *
redis_say(struct sink *k)
{
	return of(k)->say;
}

static int
redis_status(struct sink *k)
{
	return of(k)->status;
}

static void
redis_free(struct sink *k)
{
	struct sink_redis *sr = of(k);

	redis_link_free(sr->link);
	flights_free(&sr->flights);
	free(sr);
}

static const struct sink_ops ops = {
	.step = redis_step,
	.room = redis_room,
	.add = redis_add,
	.advance = redis_advance,
	.mark = redis_mark,
	.wants = redis_wants,
	.woken = redis_woken,
	.settled = redis_settled,
	.waiting = redis_waiting,
	.done = redis_done,
	.say = redis_say,
	.status = redis_status,
	.free = redis_free,
};

int
sink_redis_new(struct sink **k, const struct sink_redis_conf *conf)
{
	struct sink_redis *sr = calloc(1, sizeof(*sr));

	*k = NULL;
	if (sr == NULL)
		return EX_SOFTWARE;
	sr->sink.ops = &ops;
	sr->sink.gaps = true;
	sr->sink.marked = conf->name != NULL;
	sr->conf = *conf;
	sr->outage = OUTAGE_NONE;
	if ((sr->link = redis_link_new(&conf->to->redis)) == NULL ||
	    flights_init(&sr->flights, &conf->cargo, conf->name) == -1) {
		redis_free(&sr->sink);
		return EX_SOFTWARE;
	}
	if (conf->cargo.bus != NULL && conf->cargo.key == NULL)
		redis_link_set_home(sr->link, conf->cargo.bus->prefix);
	*k = &sr->sink;
	return sink_redis_open_first(sr) == SINK_OK ? 0 : sr->status;
}
