#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ack.h"
#include "conn_inner.h"
#include "drain.h"
#include "guest.h"
#include "http_answer.h"
#include "opening.h"
#include "seek.h"
#include "upkeep.h"

/* What its stream is to end with, in ev; NULL: it is not to end. */
static const struct sse_event *
farewell(const struct conn *c, struct sse_event *ev)
{
	const struct worker *w = conn_worker(c);

	if (!w->ended && !c->leaving)
		return NULL;
	*ev = (struct sse_event){ .type = text_of("sse:end"),
		.has = SSE_HAS_DATA };
	if (!w->ended)
		*ev = (struct sse_event){ .has = SSE_HAS_RETRY,
			.retry_ms = drain_retry_ms(
			    atomic_load(&w->tally->connections),
			    w->conf->retry_ms, arc4random()) };
	return ev;
}

/* The stream took d. */
static void
took(struct conn *c, const struct delivery *d)
{
	if (d->bytes > 0) {
		c->touched = sweep_tick(&conn_worker(c)->sweep);
		c->told = false;
	}
	worker_delivered(conn_worker(c), d);
	visit_delivered(c->visit, d);
}

/* The stream has been written to and is in this state now. */
static void
stream_is(struct conn *c, enum stream_state state)
{
	switch (state) {
	case STREAM_IDLE:
		conn_watch(c, EV_READ);
		break;
	case STREAM_BLOCKED:
		conn_watch(c, EV_READ | EV_WRITE);
		break;
	case STREAM_DONE:
		conn_end(
		    c, conn_worker(c)->ended ? ENDING_END : ENDING_STOPPED);
		break;
	case STREAM_GONE:
		conn_close(c);
		break;
	case STREAM_LAGGED:
		conn_end(c, ENDING_LAGGED);
		break;
	case STREAM_NOMEM:
		c->ending = ENDING_MEMORY;
		conn_close(c);
		break;
	}
}

void
conn_pump(struct conn *c, const struct channel *raw)
{
	struct worker *w = conn_worker(c);
	struct delivery d = { 0 };
	struct sse_event last;
	enum stream_state state = stream_pump(&c->stream, &c->transport,
	    worker_era(w), raw, farewell(c, &last), &d);

	took(c, &d);
	stream_is(c, state);
}

/* Is nothing due to the stream, and never will be? */
static bool
at_the_end(struct conn *c, const struct era *era)
{
	return conn_worker(c)->ended && !subscriber_due(&c->stream.sub, era);
}

static struct conn_id
id_of(const struct conn *c, uint64_t serial)
{
	struct conn_id id = { .worker = conn_worker(c)->id, .serial = serial };

	strlcpy(
	    id.instance, conn_worker(c)->conf->instance, sizeof(id.instance));
	return id;
}

static bool
is_somebodys(const struct conn *c)
{
	return c->guest != NULL && c->guest->id->client.len > 0;
}

/* What others may look at later.  -1 with ENOMEM. */
static int
remember(struct conn *c, uint64_t serial)
{
	struct worker *w = conn_worker(c);
	const struct request *r = c->request;
	struct caller caller;

	if (w->witness.lines.log != NULL) {
		caller_read(&caller, r->in.ptr, r->head_len);
		c->visit = visit_new(serial, w->era.now_ms, &caller);
	} else if (w->conf->looked_at || is_somebodys(c))
		c->visit = visit_new(serial, w->era.now_ms, NULL);
	else
		return 0;
	return c->visit == NULL ? -1 : 0;
}

/* What the stream opens with.  -1 with ENOMEM. */
static int
write_opening(struct conn *c, const struct start *start, const struct gap *gap)
{
	struct worker *w = conn_worker(c);
	struct sse_buf *head = &c->request->out;
	char text[CONN_ID_LEN];
	struct conn_id id = id_of(c, ++w->serial);

	conn_id_format(&id, text);
	if (remember(c, id.serial) == -1)
		return -1;
	head->len = 0;
	if (http_stream_head(head, c->request->cors, time(NULL)) == -1)
		return -1;
	return stream_open(&c->stream,
	    (struct sse_text){ head->ptr, head->len }, w->conf->retry_ms, text,
	    gap, start->id, &w->era);
}

/* Has it a claim to what it missed, having said nothing of where it was? */
static bool
is_pending(const struct conn *c)
{
	return conn_worker(c)->conf->pending != PENDING_OFF &&
	    is_somebodys(c) && c->request->route.start == ROUTE_NOW;
}

static struct start
start_of(const struct conn *c)
{
	return is_pending(c) ? opening_pending(conn_worker(c)->conf->pending,
				   c->guest->id, c->request->mark)
			     : opening_start(&c->request->route);
}

/* All channels are here: set the cursor and begin. */
static void
begin(struct conn *c)
{
	const struct era *era = worker_era(conn_worker(c));
	struct request *r = c->request;
	struct start start = start_of(c);
	char mark[PLACE_LEN];
	struct conn_view view;
	struct gap gap;

	if (r->seek != NULL) {
		start.sought = true;
		start.found = seek_found(r->seek);
	}
	gap = subscriber_start(&c->stream.sub, &start, era);
	/* It names the first that is still kept, which a page will tell. */
	if (gap.is && subscriber_parked(&c->stream.sub))
		return;
	if (start.kind == START_PENDING && gap.is)
		start.id = (struct sse_text){ mark,
			place_format(start.mark, mark) };
	if (!gap.is && at_the_end(c, era)) {
		conn_leave(c);
		conn_say(c, 204, text_of(NULL));
		return;
	}
	if (write_opening(c, &start, &gap) == -1) {
		conn_close(c);
		return;
	}
	sweep_calm(&conn_worker(c)->sweep, &r->hurry);
	c->peer.addr = r->client;
	request_free(&conn_worker(c)->requests, r);
	c->request = NULL;
	c->state = CONN_STREAMING;
	c->leaving = c->leaving || conn_worker(c)->stopping;
	c->outcome = OUTCOME_STREAM;
	c->begun = c->touched = sweep_tick(&conn_worker(c)->sweep);
	conn_worker(c)->counters.streams++;
	conn_worker(c)->counters.streams_now++;
	conn_worker(c)->counters.gaps += gap.is;
	(void)conn_look(c, &view);
	witness_begin(&conn_worker(c)->witness, &view);
	conn_tell(c, &view, NOTICE_HERE);
	conn_pump(c, NULL);
}

/* Is it known where to begin?  Else it is found in pages that come. */
static bool
knows_where(struct conn *c)
{
	struct request *r = c->request;
	struct start start = start_of(c);

	if (r->seek == NULL && seek_needed(&c->stream.sub, &start))
		r->seek = seek_new(
		    &c->stream.sub, &start, worker_era(conn_worker(c)));
	return r->seek == NULL || seek_done(r->seek);
}

static void
try_to_begin(struct conn *c)
{
	if (c->state == CONN_OPENING && !c->request->in_sync &&
	    !c->request->in_mark && subscriber_attached(&c->stream.sub) &&
	    knows_where(c))
		begin(c);
}

/* Nobody reads it; what it was sent last is not waited for. */
static void
cut(struct conn *c, enum ending why)
{
	c->ending = (uint8_t)why;
	transport_reset(&c->transport);
	conn_close(c);
}

void
conn_over(struct conn *c)
{
	if (c->state != CONN_STREAMING)
		conn_close(c);
	else if (stream_blocked(&c->stream))
		cut(c, ENDING_EXPIRED);
	else
		conn_end(c, ENDING_EXPIRED);
	conn_settle(c);
}

/* Who asks for the stream stays with it.  -1 with ENOMEM. */
static int
welcome(struct conn *c)
{
	struct request *r = c->request;

	if (r->who == identity_anonymous(r->who->admin))
		return 0;
	c->guest = guest_new(&conn_worker(c)->guests, r->who, c);
	if (c->guest == NULL)
		return -1;
	r->who = identity_anonymous(r->who->admin);
	return 0;
}

static int
ask_mark(struct conn *c)
{
	struct ack *a = ack_new(
	    c, conn_worker(c)->id, c->guest->id->client, NULL, TEXT(""));

	if (a == NULL)
		return -1;
	c->posting = c->request->in_mark = true;
	worker_tell(
	    conn_worker(c), &(struct notice){ .what = NOTICE_ACK, .ack = a });
	return 0;
}

void
conn_open(struct conn *c)
{
	struct worker *w = conn_worker(c);
	struct start start = opening_start(&c->request->route);

	if (opening_stream(
		w, &c->stream, &c->request->route, c->request->who) == -1 ||
	    welcome(c) == -1) {
		conn_refuse(c, REFUSAL_MEMORY);
		return;
	}
	c->state = CONN_OPENING;
	conn_watch(c, EV_READ);
	if (subscriber_ahead(&start, &w->era)) {
		c->request->in_sync = true;
		worker_tell(w, &(struct notice){ .what = NOTICE_SYNC });
	}
	if (is_pending(c) && ask_mark(c) == -1) {
		conn_refuse(c, REFUSAL_MEMORY);
		return;
	}
	try_to_begin(c);
}

void
conn_marked(struct conn *c, const struct ack *a)
{
	c->request->in_mark = false;
	c->request->mark = a->place;
	if (a->status == 200)
		try_to_begin(c);
	else
		conn_refuse(c, REFUSAL_CHANNELS);
}

/* Whose stream's subscriber it is. */
static struct conn *
conn_of(struct subscriber *s)
{
	return (struct conn *)((char *)s - offsetof(struct conn, stream.sub));
}

void
conn_wake(struct subscriber *s, void *raw)
{
	struct conn *c = conn_of(s);

	if (c->state == CONN_OPENING)
		try_to_begin(c); /* a page may be here that it waits for */
	else if (c->state == CONN_STREAMING && !stream_blocked(&c->stream))
		conn_pump(c, raw);
	else
		return;
	conn_settle(c);
}

void
conn_attached(struct subscriber *s, void *arg)
{
	struct conn *c = conn_of(s);

	(void)arg;
	/* The logs may be others than those that were looked through. */
	if (c->state == CONN_OPENING) {
		seek_free(c->request->seek);
		c->request->seek = NULL;
	}
	try_to_begin(c);
	conn_settle(c);
}

void
conn_sought(struct subscriber *s, void *arg)
{
	struct conn *c = conn_of(s);
	const struct conn_leaf *leaf = arg;

	if (c->state != CONN_OPENING || c->request->seek == NULL)
		return;
	seek_read(c->request->seek, leaf->channel, leaf->leaf);
	try_to_begin(c);
	conn_settle(c);
}

void
conn_synced(struct conn *c)
{
	if (c->state != CONN_OPENING)
		return;
	c->request->in_sync = false;
	try_to_begin(c);
	conn_settle(c);
}

static void
keep_alive(struct conn *c)
{
	struct delivery d = { 0 };
	enum stream_state state = stream_keepalive(
	    &c->stream, &c->transport, worker_era(conn_worker(c)), &d);

	took(c, &d);
	c->told = true;
	stream_is(c, state);
}

void
conn_sweep(struct conn *c)
{
	const struct worker *w = conn_worker(c);
	struct standing v = { .slot = c->at.slot };
	uint32_t now = sweep_tick(&w->sweep);

	if (c->state != CONN_STREAMING)
		return;
	v.idle_ms = sweep_ticks_ms(&w->sweep, now - c->touched);
	v.age_ms = sweep_ticks_ms(&w->sweep, now - c->begun);
	v.told = c->told;
	v.blocked = stream_blocked(&c->stream);
	switch (upkeep_due(w->conf, &v)) {
	case UPKEEP_KEEPALIVE:
		keep_alive(c);
		break;
	case UPKEEP_STALLED:
		cut(c, ENDING_STALLED);
		break;
	case UPKEEP_END:
		conn_end(c, ENDING_LIFETIME);
		break;
	case UPKEEP_CUT:
		cut(c, ENDING_LIFETIME);
		break;
	default:
		break;
	}
	conn_settle(c);
}

void
conn_stop(struct conn *c)
{
	switch (c->state) {
	case CONN_STREAMING:
		c->leaving = true;
		if (!stream_blocked(&c->stream))
			conn_pump(c, NULL);
		break;
	case CONN_OPENING:
		c->leaving = true;
		break;
	default:
		break;
	}
	conn_settle(c);
}

void
conn_kill(struct conn *c)
{
	c->ending = ENDING_CUT;
	conn_close(c);
	conn_settle(c);
}

void
conn_finish(struct conn *c)
{
	if (c->state == CONN_STREAMING && !stream_blocked(&c->stream))
		conn_pump(c, NULL);
	conn_settle(c);
}

bool
conn_behind(const struct conn *c, struct place *cursor)
{
	if (c->state != CONN_STREAMING || !stream_blocked(&c->stream))
		return false;
	*cursor = c->stream.sub.cursor;
	return true;
}

bool
conn_look(const struct conn *c, struct conn_view *view)
{
	if (c->state != CONN_STREAMING)
		return false;
	view->id = id_of(c, c->visit != NULL ? c->visit->serial : 0);
	view->client = c->guest != NULL ? c->guest->id->client : text_of(NULL);
	view->addr = &c->peer.addr;
	view->visit = c->visit;
	view->stream = &c->stream;
	return true;
}

void
conn_dismiss(struct conn *c)
{
	c->ending = ENDING_DISMISSED;
	conn_close(c);
	conn_settle(c);
}
