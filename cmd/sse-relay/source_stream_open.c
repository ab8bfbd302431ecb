#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "gap.h"
#include "redis_reply.h"
#include "source_stream_inner.h"
#include "units.h"

#define OPEN_MS 5000

enum source_what
stream_fail(struct source_stream *ss, int status, const char *why)
{
	ss->status = status;
	snprintf(ss->say, sizeof(ss->say), "%s", why);
	return SOURCE_FAULT;
}

enum source_what
stream_nomem(struct source_stream *ss)
{
	return stream_fail(ss, EX_SOFTWARE, strerror(ENOMEM));
}

/* The link is gone, or as good as: try again, unless it never was there. */
enum source_what
stream_lose(struct source_stream *ss, enum redis_link_state state)
{
	const char *why = redis_link_fault(ss->link);

	if (!ss->opened || !redis_link_passes(state))
		return stream_fail(ss, redis_link_status(state), why);
	redis_link_close(ss->link);
	ss->phase = PHASE_DOWN;
	snprintf(ss->say, sizeof(ss->say), "%s", why);
	return outage_fail(&ss->outage, clock_mono_ms(), 0) ? SOURCE_LOST
							    : SOURCE_WAIT;
}

/* A command and its answer, waiting; *r is to be freed. */
static enum redis_link_state
ask(struct source_stream *ss, struct bus_command *c, redisReply **r)
{
	enum redis_link_state state = redis_link_send(ss->link, c);

	*r = NULL;
	if (state == REDIS_LINK_OK)
		state = redis_link_reply(
		    ss->link, r, clock_mono_ms() + OPEN_MS);
	bus_command_free(c);
	return state;
}

enum source_what
stream_refused(struct source_stream *ss, enum bus_answer a, const redisReply *r)
{
	return stream_lose(ss, redis_link_refused(ss->link, a, r));
}

/*
 * Are entries gone between where we are and the oldest that is kept?  Who trims
 * takes the oldest first, so when the one where we are is there, none is.
 */
static enum source_what
look_for_gap(struct source_stream *ss, const struct bus_stream_info *i)
{
	struct bus_command c = { 0 };
	enum redis_link_state state;
	enum bus_answer a;
	redisReply *r;
	bool there = false;

	if (ss->all || place_cmp(i->last, ss->at) <= 0 ||
	    (place_is_zero(ss->at) && i->added == i->length) ||
	    (!place_is_zero(i->first) && place_cmp(i->first, ss->at) <= 0))
		return SOURCE_WAIT;
	if (bus_at_command(ss->read.key, ss->at, &c) == -1)
		return stream_nomem(ss);
	if ((state = ask(ss, &c, &r)) != REDIS_LINK_OK)
		return stream_lose(ss, state);
	a = bus_at_answer(r, &there);
	redis_reply_free(r);
	return a == BUS_OK && !there ? SOURCE_GAP : SOURCE_WAIT;
}

enum source_what
stream_make_gap(struct source_stream *ss, struct place oldest, struct event *ev)
{
	char after[PLACE_LEN], first[PLACE_LEN];
	struct sse_text a = TEXT("0-0"), o = TEXT("");

	if (!place_is_zero(ss->at))
		a = (struct sse_text){ after, place_format(ss->at, after) };
	if (!place_is_zero(oldest))
		o = (struct sse_text){ first, place_format(oldest, first) };
	if (gap_event(ev, &ss->gap, a, o) == -1)
		return stream_nomem(ss);
	gap_say(ev, ss->shown, ss->say, sizeof(ss->say));
	return SOURCE_GAP;
}

/* Without a group: where to begin, and whether something is missing. */
static enum source_what
find_start(struct source_stream *ss, struct event *ev)
{
	struct bus_command c = { 0 };
	struct bus_stream_info info;
	enum redis_link_state state;
	enum source_what what;
	enum bus_answer a;
	redisReply *r;

	if (bus_info_command(ss->read.key, &c) == -1)
		return stream_nomem(ss);
	if ((state = ask(ss, &c, &r)) != REDIS_LINK_OK)
		return stream_lose(ss, state);
	a = bus_info_answer(r, &info);
	what = a != BUS_OK ? stream_refused(ss, a, r) : SOURCE_WAIT;
	redis_reply_free(r);
	if (a != BUS_OK)
		return what;
	if (!ss->known) {
		ss->at = info.last;
		ss->known = true;
		return SOURCE_WAIT;
	}
	what = look_for_gap(ss, &info);
	return what == SOURCE_GAP ? stream_make_gap(ss, info.first, ev) : what;
}

/* With a group: it is there, and what was given to us before comes first. */
static enum source_what
join_group(struct source_stream *ss)
{
	struct bus_command c = { 0 };
	enum redis_link_state state;
	enum source_what what = SOURCE_WAIT;
	enum bus_answer a;
	redisReply *r;

	if (bus_group_command(ss->read.key, ss->read.group, ss->all, &c) == -1)
		return stream_nomem(ss);
	if ((state = ask(ss, &c, &r)) != REDIS_LINK_OK)
		return stream_lose(ss, state);
	if ((a = bus_group_answer(r)) != BUS_OK)
		what = stream_refused(ss, a, r);
	redis_reply_free(r);
	ss->read.pending = true;
	ss->at = PLACE_ZERO;
	ack_forget(ss->ack);
	claim_forget(&ss->claim);
	return what;
}

enum source_what
stream_connect_link(struct source_stream *ss, struct event *ev)
{
	int64_t now = clock_mono_ms();
	enum redis_link_state state;
	enum source_what what;

	if (now < ss->outage.retry_ms)
		return SOURCE_WAIT;
	state = redis_link_open(ss->link, now + OPEN_MS);
	if (state != REDIS_LINK_OK)
		return stream_lose(ss, state);
	ss->phase = PHASE_READ;
	ss->opened = ss->open_due = true;
	what = ss->ack != NULL ? join_group(ss) : find_start(ss, ev);
	if (what != SOURCE_WAIT && what != SOURCE_GAP)
		ss->open_due = false;
	return what;
}
