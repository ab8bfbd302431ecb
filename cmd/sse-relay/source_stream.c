#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gap.h"
#include "mark.h"
#include "redis_reply.h"
#include "source_stream_inner.h"
#include "units.h"

#define BLOCK_MS 4000  /* how long Redis waits for an entry */
#define ANSWER_MS 9000 /* silence for that long is a dead peer */

static struct source_stream *
of(struct source *s)
{
	return (struct source_stream *)(void *)s;
}

static enum source_what
send_read(struct source_stream *ss)
{
	struct bus_command c = { 0 };
	enum redis_link_state state;

	/* What was given to us before comes first. */
	ss->claim.asked = ss->ack != NULL && !ss->read.pending &&
	    claim_due(&ss->claim, clock_mono_ms());
	if ((ss->claim.asked ? bus_claim_command(
				   &ss->read, CLAIM_IDLE_MS, ss->claim.from, &c)
			     : bus_read_command(&ss->read, ss->at, &c)) == -1)
		return stream_nomem(ss);
	state = redis_link_send(ss->link, &c);
	bus_command_free(&c);
	if (state != REDIS_LINK_OK)
		return stream_lose(ss, state);
	ss->sent_ms = clock_mono_ms();
	ss->phase = PHASE_WAIT;
	return SOURCE_WAIT;
}

static enum source_what
silent(struct source_stream *ss)
{
	redis_link_close(ss->link);
	ss->phase = PHASE_DOWN;
	snprintf(ss->say, sizeof(ss->say), "%s: no answer for %d s", ss->shown,
	    ANSWER_MS / 1000);
	return outage_fail(&ss->outage, clock_mono_ms(), 0) ? SOURCE_LOST
							    : SOURCE_WAIT;
}

/* To lack a claim is no reason to stop, but to say so. */
static enum source_what
no_claim(struct source_stream *ss, const redisReply *r)
{
	warnx("%s: what other consumers of the group leave is not taken over: "
	      "%s",
	    ss->shown, bus_error(r));
	ss->claim.off = true;
	ss->claim.asked = false;
	ss->phase = PHASE_READ;
	return SOURCE_WAIT;
}

static enum bus_answer
read_answer(struct source_stream *ss)
{
	return ss->claim.asked
	    ? bus_claim_answer(ss->reply, &ss->claim.from, &ss->n)
	    : bus_read_answer(ss->reply, &ss->n);
}

/* The answer, if it is there. */
static enum source_what
receive(struct source_stream *ss)
{
	enum redis_link_state state = redis_link_poll(ss->link, &ss->reply);
	enum source_what what;
	enum bus_answer a;

	if (state != REDIS_LINK_OK)
		return stream_lose(ss, state);
	if (ss->reply == NULL)
		return clock_mono_ms() - ss->sent_ms >= ANSWER_MS ? silent(ss)
								  : SOURCE_WAIT;
	a = read_answer(ss);
	if (a == BUS_OK) {
		ss->i = 0;
		ss->phase = PHASE_ENTRIES;
		return SOURCE_WAIT;
	}
	what = ss->claim.asked && (a == BUS_REFUSED || a == BUS_DENIED)
	    ? no_claim(ss, ss->reply)
	    : stream_refused(ss, a, ss->reply);
	redis_reply_free(ss->reply);
	ss->reply = NULL;
	return what;
}

/* An entry that was given to us and has been deleted since. */
static enum source_what
deleted(struct source_stream *ss, struct event *ev)
{
	if (ss->ack != NULL && !place_is_zero(ss->at) &&
	    ack_add(ss->ack, ss->at) == -1)
		return stream_nomem(ss);
	return stream_make_gap(ss, PLACE_ZERO, ev);
}

/* SOURCE_WAIT: it is one of ours that is only slow. */
static enum source_what
hand_out(struct source_stream *ss, struct event *ev)
{
	int rc = (ss->claim.asked ? bus_claim_entry : bus_read_entry)(
	    ss->reply, ss->i++, &ss->json, ev, &ss->at);

	if (rc == -1)
		return stream_nomem(ss);
	if (ss->claim.asked && ack_has(ss->ack, ss->at))
		return SOURCE_WAIT;
	if (rc == 1)
		return deleted(ss, ev);
	if (ss->ack != NULL && ack_add(ss->ack, ss->at) == -1)
		return stream_nomem(ss);
	if (!gap_is(ev))
		return SOURCE_EVENT;
	gap_say(ev, ss->shown, ss->say, sizeof(ss->say));
	return SOURCE_GAP;
}

/* All of an answer is handed out. */
static void
read_on(struct source_stream *ss)
{
	redis_reply_free(ss->reply);
	ss->reply = NULL;
	ss->phase = PHASE_READ;
	if (ss->claim.asked)
		claim_turn(&ss->claim, ss->claim.from, clock_mono_ms());
	/* That was the last of what was given to us before. */
	else if (ss->n == 0)
		ss->read.pending = false;
}

static enum source_what
stream_next(struct source *s, struct event *ev)
{
	struct source_stream *ss = of(s);
	enum source_what what = SOURCE_WAIT;

	for (;;) {
		if (ss->open_due && ss->phase != PHASE_DOWN) {
			ss->open_due = false;
			ss->outage = OUTAGE_NONE;
			return SOURCE_OPEN;
		}
		switch (ss->phase) {
		case PHASE_DOWN:
			what = stream_connect_link(ss, ev);
			break;
		case PHASE_READ:
			what = send_read(ss);
			break;
		case PHASE_WAIT:
			what = receive(ss);
			if (ss->phase == PHASE_WAIT)
				return what;
			break;
		case PHASE_ENTRIES:
			if (ss->i < ss->n)
				what = hand_out(ss, ev);
			else
				read_on(ss);
			break;
		}
		if (what != SOURCE_WAIT || ss->phase == PHASE_DOWN)
			return what;
	}
}

static int
stream_wait(
    struct source *s, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	struct source_stream *ss = of(s);
	struct pollfd p[8] = { { redis_link_fd(ss->link),
	    redis_link_events(ss->link), 0 } };
	int64_t left_ms = (ss->phase == PHASE_DOWN ? ss->outage.retry_ms
						   : ss->sent_ms + ANSWER_MS) -
	    clock_mono_ms();
	int rc;

	if (left_ms < 0)
		left_ms = 0;
	if (timeout_ms == -1 || timeout_ms > left_ms)
		timeout_ms = (int)left_ms;
	if (n > 7)
		n = 7;
	memcpy(p + 1, extra, n * sizeof(*p));
	rc = poll(p, n + 1, timeout_ms);
	memcpy(extra, p + 1, n * sizeof(*p));
	return rc;
}

/*
 * Of a group it is how many entries were handed out, which is all that ack
 * needs: no later run can begin there.
 */
static struct sse_text
stream_mark(struct source *s)
{
	struct source_stream *ss = of(s);

	if (ss->ack != NULL)
		return ack_mark(ss->ack);
	if (!ss->known)
		return TEXT("");
	if (place_is_zero(ss->at))
		return TEXT("0-0");
	return (struct sse_text){ ss->mark, place_format(ss->at, ss->mark) };
}

/* Entries of a group may be given twice; by this a channel knows them. */
static struct sse_text
stream_once(struct source *s)
{
	struct source_stream *ss = of(s);
	char at[PLACE_LEN];

	if (ss->ack == NULL)
		return TEXT("");
	place_format(ss->at, at);
	snprintf(ss->once, sizeof(ss->once), "%.200s/%.200s/%s", ss->read.key,
	    ss->read.group, at);
	return text_of(ss->once);
}

static void
stream_taken(struct source *s, struct sse_text mark)
{
	struct source_stream *ss = of(s);

	if (ss->ack != NULL)
		ack_taken(ss->ack, mark);
}

static int
stream_rewind(struct source *s, struct sse_text mark)
{
	struct source_stream *ss = of(s);

	/* One command may be under way, whose answer nobody wants. */
	redis_link_close(ss->link);
	redis_reply_free(ss->reply);
	ss->reply = NULL;
	ss->phase = PHASE_DOWN;
	ss->outage = OUTAGE_NONE;
	ss->known = mark.len > 0;
	ss->all = false;
	if (!place_parse(mark.ptr, mark.len, &ss->at))
		ss->at = PLACE_ZERO;
	return 0;
}

static const char *
stream_say(struct source *s)
{
	return of(s)->say;
}

static const char *
stream_where(struct source *s)
{
	return of(s)->shown;
}

static int
stream_status(struct source *s)
{
	return of(s)->status;
}

static void
stream_free(struct source *s)
{
	struct source_stream *ss = of(s);

	ack_free(ss->ack);
	redis_link_free(ss->link);
	redis_reply_free(ss->reply);
	sse_buf_free(&ss->json);
	sse_buf_free(&ss->gap);
	free(ss);
}

static const struct source_ops ops = {
	.next = stream_next,
	.wait = stream_wait,
	.mark = stream_mark,
	.once = stream_once,
	.taken = stream_taken,
	.rewind = stream_rewind,
	.say = stream_say,
	.where = stream_where,
	.status = stream_status,
	.free = stream_free,
};

static int
build(struct source_stream *ss, const char *consumer)
{
	const struct redis_url *u = ss->url;

	ss->read = (struct bus_read){ .key = u->stream,
		.group = u->group,
		.consumer = consumer,
		.wait_ms = BLOCK_MS };
	snprintf(ss->shown, sizeof(ss->shown), "%.250s stream %.200s", u->shown,
	    u->stream);
	if ((ss->link = redis_link_new(u)) == NULL)
		return -1;
	redis_link_set_pool(ss->link);
	if (u->group == NULL)
		return 0;
	return (ss->ack = ack_new(u, u->stream, u->group)) == NULL ? -1 : 0;
}

struct source *
source_stream_new(const struct endpoint *e, const char *consumer,
    struct sse_text mark, bool all)
{
	struct source_stream *ss = calloc(1, sizeof(*ss));

	if (ss == NULL)
		return NULL;
	ss->source.ops = &ops;
	ss->source.resumable = true;
	ss->url = &e->redis;
	ss->outage = OUTAGE_NONE;
	ss->all = all;
	ss->known = all || mark.len > 0;
	if (all || !place_parse(mark.ptr, mark.len, &ss->at))
		ss->at = PLACE_ZERO;
	if (build(ss, consumer) == 0)
		return &ss->source;
	stream_free(&ss->source);
	return NULL;
}
