#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "reader_links.h"
#include "reader_live.h"
#include "reader_logs.h"
#include "redis_reply.h"
#include "units.h"

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 10000

/* A place below all that are minted: behind it stands everything kept. */
#define PLACE_FIRST ((struct place){ 0, 1 })

enum phase {
	READER_DOWN,   /* no links, until retry_at_ms */
	READER_ATTACH, /* subscribed, the logs are to be read */
	READER_LOG,    /* the logs are handed out, merged */
	READER_LIVE,   /* what comes on the Pub/Sub link is handed out */
	READER_DEAD,   /* after a fault */
};

struct reader {
	const struct bus_conf *conf;
	struct reader_links *links;
	struct reader_live *live;
	struct reader_logs *logs;
	struct sse_text *names; /* of the channels, as the bus takes them */
	size_t n;
	enum phase phase;
	struct place cursor;  /* everything up to it was handed out */
	struct place seen;    /* the highest of this Redis, to find forks */
	struct place limit;   /* up to here the logs are complete */
	struct bus_fork fork; /* that the cursor has dealt with */
	bool began; /* attached once: zero is the beginning, not now */
	bool lost;  /* LOST was said of this outage */
	bool open;  /* OPEN was said, and it is not lost since */
	bool gap;   /* to be said before the next event */
	struct place gap_after;
	struct place gap_next;
	struct bus_entry held; /* the event that waits behind a gap */
	bool holds;
	int64_t retry_ms; /* the pause after the next failure */
	int64_t retry_at_ms;
	int status;
	char fault[512];
};

struct reader *
reader_new(
    const struct bus_conf *conf, const struct redis_url *u, struct place after)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->conf = conf;
	r->n = u->nchannels;
	r->cursor = after;
	r->began = !place_is_zero(after);
	r->retry_ms = RETRY_FIRST_MS;
	r->names = calloc(r->n, sizeof(*r->names));
	for (size_t i = 0; r->names != NULL && i < r->n; i++)
		r->names[i] = text_of(u->channels[i]);
	if (r->names == NULL ||
	    (r->links = reader_links_new(conf, u)) == NULL ||
	    (r->live = reader_live_new(conf)) == NULL ||
	    (r->logs = reader_logs_new(conf, r->links, r->names, r->n)) ==
		NULL) {
		reader_free(r);
		errno = ENOMEM;
		return NULL;
	}
	return r;
}

void
reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	reader_logs_free(r->logs);
	reader_live_free(r->live);
	reader_links_free(r->links);
	free(r->names);
	free(r);
}

void
reader_set_stop(struct reader *r, const volatile sig_atomic_t *stop)
{
	reader_links_set_stop(r->links, stop);
}

void
reader_set_patience(struct reader *r, int quiet_ms, int timeout_ms)
{
	reader_links_set_patience(r->links, quiet_ms, timeout_ms);
}

struct place
reader_place(const struct reader *r)
{
	return r->cursor;
}

int
reader_status(const struct reader *r)
{
	return r->status;
}

const char *
reader_fault(const struct reader *r)
{
	return r->fault;
}

/* Everything up to p was handed out, or need not be. */
static void
advance(struct reader *r, struct place p)
{
	r->cursor = place_max(r->cursor, p);
	r->seen = place_max(r->seen, p);
}

/* The links are gone: try again, or end for good. */
static enum reader_what
fail(struct reader *r, enum redis_link_state state)
{
	int64_t half = r->retry_ms / 2;
	bool said = r->lost;

	strlcpy(r->fault, reader_links_fault(r->links), sizeof(r->fault));
	reader_logs_forget(r->logs);
	reader_live_forget(r->live);
	r->holds = false;
	r->status = redis_link_status(state);
	if (!redis_link_passes(state)) {
		r->phase = READER_DEAD;
		return READER_FAULT;
	}
	r->phase = READER_DOWN; /* a gap that was found is still to be said */
	r->retry_at_ms = clock_mono_ms() + half +
	    (int64_t)arc4random_uniform((uint32_t)half + 1);
	r->retry_ms = 2 * r->retry_ms < RETRY_LAST_MS ? 2 * r->retry_ms
						      : RETRY_LAST_MS;
	r->lost = true;
	r->open = false;
	return said ? READER_WAIT : READER_LOST;
}

/*
 * What is behind p may be lost, or be other events than were handed out.  A
 * cursor that was rewound to before p lacks none of it.
 */
static void
fork_at(struct reader *r, struct place p)
{
	if (place_cmp(p, r->cursor) >= 0)
		return;
	if (!r->gap)
		r->gap_after = r->cursor;
	r->gap = true;
	r->cursor = p;
	reader_logs_rewind(r->logs);
}

/*
 * Tell Redis what was seen of it.  Where it knew less, a failover or an empty
 * start has cut history off: what it knew is where it goes on.  Others may have
 * found that out before, while we were away.
 */
static enum redis_link_state
raise_last(struct reader *r)
{
	enum redis_link_state state;
	enum bus_answer answer;
	struct bus_command c;
	struct bus_fork fork;
	struct place before;
	redisReply *reply;
	int made;

	made = bus_raise_command(r->conf, r->seen, NULL, &c);
	state = reader_links_ask(r->links, made, &c, &reply);
	if (state != REDIS_LINK_OK)
		return state;
	answer = bus_raise_answer(reply, &before, &fork);
	if (answer != BUS_OK)
		state = reader_links_refused(r->links, answer, reply);
	else if (place_cmp(before, r->seen) < 0)
		fork_at(r, place_min(before, fork.low));
	else if (bus_fork_has(&fork, r->cursor) &&
	    memcmp(&fork, &r->fork, sizeof(fork)) != 0)
		fork_at(r, fork.low);
	if (state == REDIS_LINK_OK)
		r->fork = fork;
	redis_reply_free(reply);
	return state;
}

static enum reader_what
open_links(struct reader *r)
{
	enum redis_link_state state;

	if (clock_mono_ms() < r->retry_at_ms)
		return READER_WAIT;
	state = reader_links_open(r->links, r->names, r->n);
	if (state == REDIS_LINK_OK)
		state = raise_last(r);
	if (state != REDIS_LINK_OK)
		return fail(r, state);
	r->phase = READER_ATTACH;
	return READER_WAIT;
}

/* The gap is to be said, once for all channels. */
static void
note_gap(struct reader *r, struct place after, struct place next)
{
	if (!r->gap)
		r->gap_after = after;
	r->gap = true;
	r->gap_next = next;
}

/*
 * Is anything missing between the cursor and what the logs gave?  A cursor that
 * is ahead of history or before its beginning is of another.
 */
static void
look_for_gaps(struct reader *r, const struct bus_attached *a)
{
	struct place after = r->cursor, next;
	bool gap = reader_logs_gap(r->logs, after, &next) || r->gap;

	/* Who stands before everything that could be is of any history. */
	if (place_cmp(after, PLACE_FIRST) > 0 &&
	    (place_is_zero(a->birth) || place_cmp(after, a->birth) < 0 ||
		place_cmp(after, a->last) > 0))
		gap = true;
	if (place_cmp(after, a->last) > 0)
		r->cursor = a->last;
	if (gap)
		note_gap(r, after, next);
}

static enum reader_what
attach(struct reader *r)
{
	struct place after = place_is_zero(r->cursor) ? PLACE_FIRST : r->cursor;
	enum redis_link_state state;
	struct bus_attached a;

	state = reader_logs_attach(r->logs, after, r->began, &a);
	if (state != REDIS_LINK_OK)
		return fail(r, state);
	r->limit = a.last;
	if (r->began)
		look_for_gaps(r, &a);
	r->began = true;
	r->retry_ms = RETRY_FIRST_MS;
	r->phase = READER_LOG;
	r->lost = false;
	if (r->open)
		return READER_WAIT; /* it was but rewound */
	r->open = true;
	return READER_OPEN;
}

/*
 * Hand out an entry, after the gap before it when there is one: what was before
 * it is not what was handed out, which of this channel is *had.
 */
static enum reader_what
hand_out(struct reader *r, const struct bus_entry *from, struct place known,
    struct place *had, struct bus_entry *e)
{
	if (!r->gap &&
	    (place_cmp(from->prev, known) > 0 ||
		place_cmp(from->prev, *had) < 0))
		note_gap(r, r->cursor, from->place);
	*had = from->place;
	if (r->gap) {
		r->held = *from;
		r->holds = true;
		return READER_GAP;
	}
	*e = *from;
	advance(r, from->place);
	return READER_EVENT;
}

/* The first in the order of places of what the logs hold. */
static enum reader_what
next_logged(struct reader *r, struct bus_entry *e)
{
	struct reader_logged next;
	enum redis_link_state state;

	state = reader_logs_next(r->logs, r->limit, &next);
	if (state != REDIS_LINK_OK)
		return fail(r, state);
	if (next.e != NULL)
		return hand_out(r, next.e, next.known, next.had, e);
	advance(r, r->limit);
	r->phase = READER_LIVE;
	reader_links_listen(r->links);
	return READER_WAIT;
}

/* A message of the Pub/Sub link: its entries come next, or it is a marker. */
static void
take_message(struct reader *r, redisReply *reply)
{
	struct place horizon;

	if (reader_live_take(r->live, reply, r->cursor, &horizon) !=
	    READER_LIVE_MARKER)
		return;
	reader_links_marker(r->links);
	advance(r, horizon);
}

/* An entry that came live. */
static enum reader_what
live_entry(struct reader *r, const struct bus_entry *from, struct bus_entry *e)
{
	struct place *had;

	if (place_is_zero(from->place)) {
		*e = *from; /* of a raw PUBLISH: it has no place to compare */
		return READER_EVENT;
	}
	if (!reader_links_passed(r->links) &&
	    place_cmp(from->place, r->limit) <= 0)
		return READER_WAIT; /* the log gave it */
	had = reader_logs_had(r->logs, from->ev.channel);
	if (place_cmp(from->place, r->cursor) <= 0) {
		/* Minted twice or backwards: this is another history. */
		note_gap(r, r->cursor, from->place);
		r->cursor = from->prev;
		return hand_out(r, from, from->prev, had, e);
	}
	return hand_out(r, from, r->cursor, had, e);
}

/* The next event of the message at hand; WAIT when it is read to its end. */
static enum reader_what
next_of_message(struct reader *r, struct bus_entry *e)
{
	struct bus_entry from;
	enum reader_what what;
	int rc;

	if (!reader_live_has(r->live))
		return READER_WAIT;
	while ((rc = reader_live_next(r->live, &from)) != 0) {
		if (rc == -1)
			return fail(r, reader_links_starve(r->links));
		if ((what = live_entry(r, &from, e)) != READER_WAIT)
			return what;
	}
	/* What may be ours nevertheless is in the log. */
	if (reader_live_broken(r->live))
		r->phase = READER_ATTACH;
	return READER_WAIT;
}

static enum reader_what
next_live(struct reader *r, struct bus_entry *e)
{
	enum redis_link_state state;
	enum reader_what what;
	redisReply *reply;

	for (;;) {
		if ((what = next_of_message(r, e)) != READER_WAIT ||
		    r->phase != READER_LIVE)
			return what;
		state = reader_links_message(r->links, &reply);
		if (state != REDIS_LINK_OK)
			return fail(r, state);
		if (reply == NULL)
			return READER_WAIT;
		take_message(r, reply);
	}
}

static enum reader_what
say_gap(struct reader *r, struct bus_entry *e)
{
	*e = (struct bus_entry){ EVENT_NONE, r->gap_next, r->gap_after };
	r->gap = false;
	return READER_GAP;
}

static enum reader_what
step(struct reader *r, struct bus_entry *e)
{
	switch (r->phase) {
	case READER_DOWN:
		return open_links(r);
	case READER_ATTACH:
		return attach(r);
	case READER_LOG:
		return next_logged(r, e);
	case READER_LIVE:
		return next_live(r, e);
	case READER_DEAD:
		break;
	}
	return READER_FAULT;
}

enum reader_what
reader_next(struct reader *r, struct bus_entry *e)
{
	enum reader_what what;
	enum phase phase;

	for (;;) {
		if (r->gap &&
		    (r->phase == READER_LOG || r->phase == READER_LIVE))
			return say_gap(r, e);
		if (r->holds) {
			r->holds = false;
			*e = r->held;
			advance(r, e->place);
			return READER_EVENT;
		}
		phase = r->phase;
		what = step(r, e);
		if (what == READER_GAP)
			continue;
		/* One phase leads to the next without anything to say. */
		if (what != READER_WAIT || r->phase == phase ||
		    r->phase == READER_DOWN)
			return what;
	}
}

void
reader_rewind(struct reader *r, struct place p)
{
	r->cursor = p;
	reader_logs_rewind(r->logs);
	r->began = true;
	r->holds = r->gap = false;
	reader_live_forget(r->live);
	if (r->phase == READER_LOG || r->phase == READER_LIVE)
		r->phase = READER_ATTACH;
}

/* When reader_next() has to be called whatever comes. */
static int64_t
due_ms(const struct reader *r)
{
	switch (r->phase) {
	case READER_DOWN:
		return r->retry_at_ms;
	case READER_LIVE:
		return reader_links_due_ms(r->links);
	default:
		return 0;
	}
}

int
reader_wait(
    struct reader *r, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	struct pollfd fds[READER_EXTRA_MAX + 2];
	int64_t left = due_ms(r) - clock_mono_ms();
	int ready;

	if (n > READER_EXTRA_MAX) {
		errno = EINVAL;
		return -1;
	}
	left = left < 0 ? 0 : left;
	if (timeout_ms < 0 || left < timeout_ms)
		timeout_ms = (int)left;
	if (n > 0)
		memcpy(fds, extra, n * sizeof(*fds));
	reader_links_poll(r->links, fds + n);
	ready = poll(fds, n + 2, timeout_ms);
	for (unsigned int i = 0; i < n; i++)
		extra[i].revents = ready > 0 ? fds[i].revents : 0;
	return ready;
}
