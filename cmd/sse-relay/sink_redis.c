/*
 * One batch is on its way, the next one gathers behind it; each moves the mark
 * from where the one before it left it.  So batches are as large as the source
 * is fast, and no order of answers and losses can mix them up.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "mark.h"
#include "outage.h"
#include "redis_link.h"
#include "sink.h"
#include "units.h"
#include "visible.h"

#define OPEN_MS 5000      /* to connect, and to read the mark */
#define ANSWER_MS 10000   /* silence for that long is a dead peer */
#define MARK_ONLY_MS 1000 /* between batches that only move the mark */
#define PRODUCER_BYTES 12

struct sink_redis {
	struct sink sink; /* first, so that a sink is one of these */
	struct sink_redis_conf conf;
	struct redis_link *link;
	struct bus_batch *flight; /* kept until it is answered */
	struct bus_batch *next;   /* gathers */
	bool flying;              /* flight is a batch, perhaps an empty one */
	bool started;             /* it was connected once */
	bool connected;
	bool rewind;      /* the source is to go back */
	struct mark mark; /* as it stands in Redis, for all that is known */
	struct mark flight_to; /* and after flight */
	struct mark next_to;   /* and after next */
	int64_t sent_ms;       /* when flight left */
	int64_t rewind_ms;     /* when to, if rewind says so */
	struct outage outage;
	unsigned int refused;                  /* batches, in a row */
	uint64_t number;                       /* of the batch sent last */
	char producer[2 * PRODUCER_BYTES + 1]; /* random */
	int status;
	char say[512];
};

static struct sink_redis *
of(struct sink *k)
{
	return (struct sink_redis *)(void *)k;
}

static enum sink_what
fault(struct sink_redis *sr, int status, const char *why)
{
	sr->status = status;
	snprintf(sr->say, sizeof(sr->say), "%s", why);
	return SINK_FAULT;
}

static enum sink_what
nomem(struct sink_redis *sr)
{
	return fault(sr, EX_SOFTWARE, strerror(ENOMEM));
}

/*
 * Redis cannot be worked with now; why is a line that names it, status what to
 * end with if this is for good.
 */
static enum sink_what
away(struct sink_redis *sr, int status, const char *why)
{
	int64_t now = clock_mono_ms();
	bool first;

	if (!sr->started)
		return fault(sr, status, why);
	redis_link_close(sr->link);
	sr->connected = false;
	first = outage_fail(&sr->outage, now, sr->conf.timeout_ms);
	if (outage_too_long(&sr->outage, now, sr->conf.timeout_ms))
		return fault(sr, status, why);
	if (first && sr->conf.verbose >= 0)
		warnx("%s; trying again, the source waits", why);
	return SINK_OK;
}

static void
here(struct sink_redis *sr)
{
	int64_t ms = outage_end(&sr->outage, clock_mono_ms());

	if (ms != -1 && sr->conf.verbose >= 0)
		warnx("%s: back after %.1f s", sr->conf.to->shown,
		    (double)ms / 1000);
}

static enum sink_what
link_failed(struct sink_redis *sr, enum redis_link_state state, int status)
{
	const char *why = redis_link_fault(sr->link);

	switch (state) {
	case REDIS_LINK_DENIED:
		return fault(sr, EX_NOPERM, why);
	case REDIS_LINK_BAD:
		return fault(sr, EX_PROTOCOL, why);
	default:
		return away(sr, status, why);
	}
}

static enum sink_what
refused(struct sink_redis *sr, enum bus_answer answer, const redisReply *r)
{
	return link_failed(
	    sr, redis_link_refused(sr->link, answer, r), EX_TEMPFAIL);
}

/*
 * Numbers of one producer follow each other.  When it is unknown whether Redis
 * took the last one, the next must not be taken for its repetition.
 */
static void
new_producer(struct sink_redis *sr)
{
	unsigned char bytes[PRODUCER_BYTES];

	arc4random_buf(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(sr->producer + 2 * i, 3, "%02x", bytes[i]);
	sr->number = 0;
}

/* Nothing of what was taken will be delivered; the source brings it again. */
static enum sink_what
go_back(struct sink_redis *sr, struct sse_text mark)
{
	bus_batch_clear(sr->flight);
	bus_batch_clear(sr->next);
	new_producer(sr);
	sr->flying = false;
	sr->rewind = true;
	sr->rewind_ms = clock_mono_ms();
	/* Two relays that are both fast would else race without end. */
	if (sr->refused > 0)
		sr->rewind_ms += outage_pause_ms(sr->refused) / 2;
	sr->refused++;
	if (mark_set(&sr->mark, mark) == -1 ||
	    mark_set(&sr->next_to, mark) == -1)
		return nomem(sr);
	return SINK_OK;
}

static enum sink_what
accepted(struct sink_redis *sr)
{
	here(sr);
	sr->flying = false;
	sr->refused = 0;
	bus_batch_clear(sr->flight);
	if (!mark_none(&sr->flight_to) &&
	    mark_set(&sr->mark, mark_text(&sr->flight_to)) == -1)
		return nomem(sr);
	return SINK_OK;
}

static enum sink_what
send_flight(struct sink_redis *sr, bool by_sha)
{
	struct bus_command c = { 0 };
	enum redis_link_state state;

	if (sr->sink.marked && !mark_none(&sr->flight_to) &&
	    bus_batch_set_mark(sr->flight, sr->conf.name, mark_text(&sr->mark),
		mark_text(&sr->flight_to)) == -1)
		return nomem(sr);
	if (bus_batch_command(sr->flight, by_sha, &c) == -1)
		return nomem(sr);
	sr->sent_ms = clock_mono_ms();
	state = redis_link_send(sr->link, &c);
	bus_command_free(&c);
	return state == REDIS_LINK_OK ? SINK_OK
				      : link_failed(sr, state, EX_UNAVAILABLE);
}

/* What was gathered leaves; the other batch is filled next. */
static enum sink_what
launch(struct sink_redis *sr)
{
	struct bus_batch *b = sr->next;

	sr->next = sr->flight;
	sr->flight = b;
	bus_batch_clear(sr->next);
	sr->flying = true;
	if (mark_set(&sr->flight_to, mark_text(&sr->next_to)) == -1 ||
	    bus_batch_set_producer(b, sr->producer, ++sr->number) == -1)
		return nomem(sr);
	return send_flight(sr, true);
}

/* Redis was emptied: nothing there says what to read again. */
static void
mark_gone(struct sink_redis *sr)
{
	char at[SHOWN_BYTES];

	if (sr->conf.verbose >= 0 && !mark_none(&sr->mark))
		warnx("%s: the mark of %s is gone; going on from %s",
		    sr->conf.to->shown, sr->conf.name,
		    visible_line(mark_text(&sr->mark), at, sizeof(at)));
	mark_free(&sr->mark);
}

/*
 * The mark that Redis has is not the one that was thought.  When it is the
 * one that flight moves it to, flight is there: sent by us before an answer was
 * lost, or by a relay of the same name.
 */
static enum sink_what
mark_differs(struct sink_redis *sr, struct sse_text now, bool loud)
{
	char a[SHOWN_BYTES], b[SHOWN_BYTES];

	if (sr->flying && now.len > 0 && mark_is(&sr->flight_to, now)) {
		new_producer(sr);
		return accepted(sr);
	}
	if (now.len == 0) {
		mark_gone(sr);
		return sr->flying ? send_flight(sr, true) : SINK_OK;
	}
	if (sr->conf.verbose > (loud ? -1 : 0))
		warnx("%s: the mark of %s went from %s to %s; reading on from "
		      "there",
		    sr->conf.to->shown, sr->conf.name,
		    mark_none(&sr->mark)
			? "none"
			: visible_line(mark_text(&sr->mark), a, sizeof(a)),
		    visible_line(now, b, sizeof(b)));
	return go_back(sr, now);
}

/* A failover, say, lost batches of ours that bore no mark. */
static enum sink_what
forgotten(struct sink_redis *sr)
{
	if (sr->conf.verbose >= 0)
		warnx("%s: Redis has lost events that it had acknowledged",
		    sr->conf.to->shown);
	new_producer(sr);
	if (bus_batch_set_producer(sr->flight, sr->producer, ++sr->number) ==
	    -1)
		return nomem(sr);
	return send_flight(sr, true);
}

static enum sink_what
answer(struct sink_redis *sr, const redisReply *r)
{
	struct sse_text mark = { NULL, 0 };
	enum bus_answer a = bus_batch_answer(sr->flight, r, NULL, &mark);

	switch (a) {
	case BUS_OK:
		return accepted(sr);
	case BUS_NOSCRIPT:
		return send_flight(sr, false);
	case BUS_ORDER:
		return forgotten(sr);
	case BUS_MARK_MOVED:
		here(sr);
		return mark_differs(sr, mark, false);
	default:
		return refused(sr, a, r);
	}
}

/* Read the mark, waiting; *r is what it lies in. */
static enum sink_what
read_mark(struct sink_redis *sr, redisReply **r, struct sse_text *mark)
{
	struct bus_command c = { 0 };
	enum redis_link_state state;
	enum bus_answer a;

	if (bus_mark_command(sr->conf.bus, sr->conf.name, &c) == -1)
		return nomem(sr);
	state = redis_link_send(sr->link, &c);
	if (state == REDIS_LINK_OK)
		state = redis_link_reply(
		    sr->link, r, clock_mono_ms() + OPEN_MS);
	bus_command_free(&c);
	if (state != REDIS_LINK_OK)
		return link_failed(sr, state, EX_UNAVAILABLE);
	a = bus_mark_answer(*r, mark);
	return a == BUS_OK ? SINK_OK : refused(sr, a, *r);
}

/* On a new connection: see where we stand, and send again what is unanswered. */
static enum sink_what
settle(struct sink_redis *sr)
{
	struct sse_text mark = { NULL, 0 };
	enum sink_what what = SINK_OK;
	redisReply *r = NULL;

	if (sr->sink.marked)
		what = read_mark(sr, &r, &mark);
	if (what == SINK_OK && sr->connected) {
		if (!sr->flying)
			here(sr);
		if (sr->sink.marked && !mark_is(&sr->mark, mark))
			what = mark_differs(sr, mark, true);
		else if (sr->flying)
			what = send_flight(sr, true);
	}
	freeReplyObject(r);
	return what;
}

static enum sink_what
reconnect(struct sink_redis *sr)
{
	int64_t now = clock_mono_ms();
	enum redis_link_state state;

	if (now < sr->outage.retry_ms)
		return SINK_OK;
	state = redis_link_open(sr->link, now + OPEN_MS);
	if (state != REDIS_LINK_OK)
		return link_failed(sr, state, EX_UNAVAILABLE);
	sr->connected = true;
	return settle(sr);
}

static enum sink_what
silent(struct sink_redis *sr)
{
	char why[256];

	snprintf(why, sizeof(why), "%s: no answer for %d s", sr->conf.to->shown,
	    ANSWER_MS / 1000);
	return away(sr, EX_UNAVAILABLE, why);
}

/* The answer, if it is there; without a batch, the link's end. */
static enum sink_what
receive(struct sink_redis *sr)
{
	enum sink_what what = SINK_OK;
	redisReply *r = NULL;
	enum redis_link_state state = redis_link_poll(sr->link, &r);

	if (state != REDIS_LINK_OK)
		return link_failed(sr, state, EX_UNAVAILABLE);
	if (r != NULL && sr->flying)
		what = answer(sr, r);
	else if (r != NULL)
		what = refused(sr, BUS_REFUSED, r);
	else if (sr->flying && clock_mono_ms() - sr->sent_ms >= ANSWER_MS)
		what = silent(sr);
	freeReplyObject(r);
	return what;
}

/* The other relay may have gone on meanwhile, so look once more. */
static enum sink_what
rewind_now(struct sink_redis *sr)
{
	struct sse_text mark = { NULL, 0 };
	redisReply *r = NULL;
	enum sink_what what;

	if (clock_mono_ms() < sr->rewind_ms)
		return SINK_OK;
	what = read_mark(sr, &r, &mark);
	if (what == SINK_OK && sr->connected) {
		sr->rewind = false;
		what = SINK_REWIND;
		if (mark.len == 0)
			mark_gone(sr);
		else if (mark_set(&sr->mark, mark) == -1 ||
		    mark_set(&sr->next_to, mark) == -1)
			what = nomem(sr);
	}
	freeReplyObject(r);
	return what;
}

/* A mark without events is stored now and then: a later run starts nearer. */
static int64_t
mark_due_ms(const struct sink_redis *sr)
{
	if (!sr->sink.marked || mark_none(&sr->next_to) ||
	    mark_is(&sr->mark, mark_text(&sr->next_to)))
		return INT64_MAX;
	return mark_none(&sr->mark) ? 0 : sr->sent_ms + MARK_ONLY_MS;
}

static enum sink_what
redis_step(struct sink *k)
{
	struct sink_redis *sr = of(k);
	enum sink_what what = SINK_OK;

	if (!sr->connected)
		what = reconnect(sr);
	if (what == SINK_OK && sr->connected)
		what = receive(sr);
	if (what != SINK_OK || !sr->connected)
		return what;
	if (sr->rewind)
		return rewind_now(sr);
	if (sr->flying)
		return SINK_OK;
	if (bus_batch_count(sr->next) == 0 && clock_mono_ms() < mark_due_ms(sr))
		return SINK_OK;
	what = launch(sr);
	return what == SINK_OK && sr->connected ? receive(sr) : what;
}

/*
 * An event without an ID shares the mark with the one before it, so it had
 * better leave with it: for those there is more room.
 */
static bool
redis_room(struct sink *k, const struct event *ev)
{
	const struct sink_redis *sr = of(k);
	size_t n = bus_batch_count(sr->next), by = ev->has_id ? 1 : 2;

	if (!sr->connected || sr->rewind)
		return false;
	return n == 0 ||
	    (n < by * BUS_BATCH_EVENTS &&
		bus_batch_bytes(sr->next) + ev->data.len <
		    by * BUS_BATCH_BYTES);
}

static int
redis_add(struct sink *k, const struct event *ev)
{
	return bus_batch_add(of(k)->next, ev, TEXT(""));
}

static int
redis_advance(struct sink *k, struct sse_text mark)
{
	/* Until the source is back there, next_to is where it is to go. */
	return of(k)->rewind ? 0 : mark_set(&of(k)->next_to, mark);
}

static struct sse_text
redis_mark(struct sink *k)
{
	return mark_text(&of(k)->next_to);
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
	else if (sr->flying)
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

	return !sr->flying && !sr->rewind && bus_batch_count(sr->next) == 0;
}

static size_t
redis_waiting(struct sink *k)
{
	const struct sink_redis *sr = of(k);

	return bus_batch_count(sr->next) +
	    (sr->flying ? bus_batch_count(sr->flight) : 0);
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
	bus_batch_free(sr->flight);
	bus_batch_free(sr->next);
	mark_free(&sr->mark);
	mark_free(&sr->flight_to);
	mark_free(&sr->next_to);
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
	.say = redis_say,
	.status = redis_status,
	.free = redis_free,
};

/* The first connection: what fails here is told and not tried again. */
static enum sink_what
open_first(struct sink_redis *sr)
{
	struct sse_text mark = { NULL, 0 };
	enum redis_link_state state;
	enum sink_what what = SINK_OK;
	redisReply *r = NULL;

	state = redis_link_open(sr->link, clock_mono_ms() + OPEN_MS);
	if (state != REDIS_LINK_OK)
		return link_failed(sr, state, EX_UNAVAILABLE);
	if (sr->sink.marked)
		what = read_mark(sr, &r, &mark);
	if (what == SINK_OK &&
	    (mark_set(&sr->mark, mark) == -1 ||
		mark_set(&sr->next_to, mark) == -1))
		what = nomem(sr);
	freeReplyObject(r);
	sr->connected = sr->started = what == SINK_OK;
	return what;
}

int
sink_redis_new(struct sink **k, const struct sink_redis_conf *conf)
{
	struct sink_redis *sr = calloc(1, sizeof(*sr));

	*k = NULL;
	if (sr == NULL)
		return EX_SOFTWARE;
	sr->sink.ops = &ops;
	sr->sink.marked = conf->name != NULL;
	sr->conf = *conf;
	sr->outage = OUTAGE_NONE;
	new_producer(sr);
	if ((sr->link = redis_link_new(&conf->to->redis)) == NULL ||
	    (sr->flight = bus_batch_new(conf->bus)) == NULL ||
	    (sr->next = bus_batch_new(conf->bus)) == NULL) {
		redis_free(&sr->sink);
		return EX_SOFTWARE;
	}
	*k = &sr->sink;
	return open_first(sr) == SINK_OK ? 0 : sr->status;
}
