#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "sink_redis_inner.h"
#include "units.h"
#include "visible.h"

#define OPEN_MS 5000 /* to connect, and to read the mark */

enum sink_what
sink_redis_fault(struct sink_redis *sr, int status, const char *why)
{
	sr->status = status;
	snprintf(sr->say, sizeof(sr->say), "%s", why);
	return SINK_FAULT;
}

enum sink_what
sink_redis_nomem(struct sink_redis *sr)
{
	return sink_redis_fault(sr, EX_SOFTWARE, strerror(ENOMEM));
}

/* The end, if it was never there or is away for too long. */
enum sink_what
sink_redis_away(
    struct sink_redis *sr, enum redis_link_state state, const char *why)
{
	int64_t now = clock_mono_ms();
	int status = redis_link_status(state);
	bool first;

	if (!sr->started)
		return sink_redis_fault(sr, status, why);
	redis_link_close(sr->link);
	sr->connected = false;
	first = outage_fail(&sr->outage, now, sr->conf.timeout_ms);
	if (outage_too_long(&sr->outage, now, sr->conf.timeout_ms))
		return sink_redis_fault(sr, status, why);
	if (first && sr->conf.verbose >= 0)
		warnx("%s; trying again, the source waits", why);
	return SINK_OK;
}

void
sink_redis_here(struct sink_redis *sr)
{
	int64_t ms = outage_end(&sr->outage, clock_mono_ms());

	if (ms != -1 && sr->conf.verbose >= 0)
		warnx("%s: back after %.1f s", sr->conf.to->shown,
		    (double)ms / 1000);
}

enum sink_what
sink_redis_link_failed(struct sink_redis *sr, enum redis_link_state state)
{
	const char *why = redis_link_fault(sr->link);

	if (redis_link_passes(state))
		return sink_redis_away(sr, state, why);
	return sink_redis_fault(sr, redis_link_status(state), why);
}

enum sink_what
sink_redis_refused(
    struct sink_redis *sr, enum bus_answer answer, const redisReply *r)
{
	return sink_redis_link_failed(
	    sr, redis_link_refused(sr->link, answer, r));
}

/* Nothing of what was taken will be delivered; the source brings it again. */
static enum sink_what
go_back(struct sink_redis *sr, struct sse_text mark)
{
	sr->rewind = true;
	sr->rewind_ms = clock_mono_ms();
	/* Two relays that are both fast would else race without end. */
	if (sr->refused > 0)
		sr->rewind_ms += outage_pause_ms(sr->refused) / 2;
	sr->refused++;
	sr->out = 0;
	return flights_drop(&sr->flights, mark) == -1 ? sink_redis_nomem(sr)
						      : SINK_OK;
}

/* Redis was emptied: nothing there says what to read again. */
static void
mark_gone(struct sink_redis *sr)
{
	char at[SHOWN_BYTES];

	if (sr->conf.verbose >= 0 && !mark_none(&sr->flights.mark))
		warnx("%s: the mark of %s is gone; going on from %s",
		    sr->conf.to->shown, sr->conf.name,
		    visible_line(mark_text(&sr->flights.mark), at, sizeof(at)));
	mark_free(&sr->flights.mark);
}

/*
 * The mark that Redis has is not the one that was thought.  When it is one that
 * a batch moves it to, that batch is there: sent by us before an answer was
 * lost, or by a relay of the same name.
 */
enum sink_what
sink_redis_mark_differs(struct sink_redis *sr, struct sse_text now, bool loud)
{
	char a[SHOWN_BYTES], b[SHOWN_BYTES];
	bool known;

	if (flights_settle(&sr->flights, now, &known) == -1)
		return sink_redis_nomem(sr);
	if (known) {
		sink_redis_here(sr);
		sr->refused = 0;
		return SINK_OK;
	}
	if (now.len == 0) {
		mark_gone(sr);
		return SINK_OK;
	}
	if (sr->conf.verbose > (loud ? -1 : 0))
		warnx("%s: the mark of %s went from %s to %s; reading on from "
		      "there",
		    sr->conf.to->shown, sr->conf.name,
		    mark_none(&sr->flights.mark)
			? "none"
			: visible_line(
			      mark_text(&sr->flights.mark), a, sizeof(a)),
		    visible_line(now, b, sizeof(b)));
	return go_back(sr, now);
}

/* Read the mark, waiting; *r is what it lies in. */
static enum sink_what
read_mark(struct sink_redis *sr, redisReply **r, struct sse_text *mark)
{
	struct bus_command c = { 0 };
	enum redis_link_state state;
	enum bus_answer a;

	if (bus_mark_command(sr->conf.cargo.bus, sr->conf.name, &c) == -1)
		return sink_redis_nomem(sr);
	state = redis_link_send(sr->link, &c);
	if (state == REDIS_LINK_OK)
		state = redis_link_reply(
		    sr->link, r, clock_mono_ms() + OPEN_MS);
	bus_command_free(&c);
	if (state != REDIS_LINK_OK)
		return sink_redis_link_failed(sr, state);
	a = bus_mark_answer(*r, mark);
	return a == BUS_OK ? SINK_OK : sink_redis_refused(sr, a, *r);
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
		if (sr->flights.n == 0)
			sink_redis_here(sr);
		if (sr->sink.marked && !mark_is(&sr->flights.mark, mark))
			what = sink_redis_mark_differs(sr, mark, true);
	}
	freeReplyObject(r);
	return what;
}

enum sink_what
sink_redis_reconnect(struct sink_redis *sr)
{
	int64_t now = clock_mono_ms();
	enum redis_link_state state;

	if (now < sr->outage.retry_ms)
		return SINK_OK;
	state = redis_link_open(sr->link, now + OPEN_MS);
	if (state != REDIS_LINK_OK)
		return sink_redis_link_failed(sr, state);
	sr->connected = true;
	sr->warm = false;
	sr->out = 0;
	return settle(sr);
}

/* The other relay may have gone on meanwhile, so look once more. */
enum sink_what
sink_redis_rewind_now(struct sink_redis *sr)
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
		else if (flights_stand(&sr->flights, mark) == -1)
			what = sink_redis_nomem(sr);
	}
	freeReplyObject(r);
	return what;
}

/* The first connection: what fails here is told and not tried again. */
enum sink_what
sink_redis_open_first(struct sink_redis *sr)
{
	struct sse_text mark = { NULL, 0 };
	enum redis_link_state state;
	enum sink_what what = SINK_OK;
	redisReply *r = NULL;

	state = redis_link_open(sr->link, clock_mono_ms() + OPEN_MS);
	if (state != REDIS_LINK_OK)
		return sink_redis_link_failed(sr, state);
	if (sr->sink.marked)
		what = read_mark(sr, &r, &mark);
	if (what == SINK_OK && flights_stand(&sr->flights, mark) == -1)
		what = sink_redis_nomem(sr);
	freeReplyObject(r);
	sr->connected = sr->started = what == SINK_OK;
	return what;
}
