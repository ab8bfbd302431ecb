/*
 * As into Redis, one batch travels while the next one gathers.  What the peer
 * has of it when its answer is lost nobody knows, so it is sent again, under the
 * same key, until it is answered: also by the next run, if there is a state.
 */
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "batch.h"
#include "outage.h"
#include "posted.h"
#include "poster.h"
#include "sink.h"
#include "units.h"
#include "verdict.h"
#include "visible.h"

#define RETRY_AFTER_MAX_MS INT64_C(600000)
#define SHOWN_MAX 200 /* bytes of an answer in a message */
#define WORDS_MAX 800 /* of one that names a channel */

struct sink_http {
	struct sink sink; /* first, so that a sink is one of these */
	struct sink_http_conf conf;
	struct poster *poster;
	struct batches batches;
	bool travels; /* the one that is flying is on its way right now */
	bool reached; /* the peer has answered before */
	struct outage outage;
	int status;
	char say[640];
};

static struct sink_http *
of(struct sink *k)
{
	return (struct sink_http *)(void *)k;
}

static enum sink_what fault(struct sink_http *sh, int status, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

static enum sink_what
fault(struct sink_http *sh, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sh->say, sizeof(sh->say), fmt, ap);
	va_end(ap);
	sh->status = status;
	return SINK_FAULT;
}

static enum sink_what
nomem(struct sink_http *sh)
{
	return fault(sh, EX_SOFTWARE, "%s", strerror(ENOMEM));
}

static enum sink_what
travel(struct sink_http *sh)
{
	const struct batches *b = &sh->batches;
	char key[BATCH_KEY_BYTES];

	batches_key(b, key);
	if (poster_send(sh->poster, b->url, key, &b->sent->body) == -1)
		return nomem(sh);
	sh->travels = true;
	return SINK_OK;
}

/* What the next run is to send again, should this one not hear of it. */
static enum sink_what
travel_noted(struct sink_http *sh)
{
	struct state_flight f = batches_flight(&sh->batches);

	if (sh->conf.state != NULL &&
	    state_set_flight(sh->conf.state, &f) == -1)
		return fault(sh, EX_IOERR, "%s", state_fault(sh->conf.state));
	return travel(sh);
}

static enum sink_what
landed(struct sink_http *sh)
{
	int64_t ms = outage_end(&sh->outage, clock_mono_ms());

	if (ms != -1 && sh->conf.verbose >= 0)
		warnx("%s: back after %.1f s", sh->conf.to->shown,
		    (double)ms / 1000);
	sh->reached = true;
	if (batches_landed(&sh->batches) == -1)
		return nomem(sh);
	if (sh->conf.state != NULL && state_landed(sh->conf.state) == -1)
		return fault(sh, EX_IOERR, "%s", state_fault(sh->conf.state));
	return SINK_OK;
}

/* The peer cannot take it now; say() has why, status is for when that lasts. */
static enum sink_what
away(struct sink_http *sh, int64_t wait_ms)
{
	int64_t now = clock_mono_ms();
	bool first = outage_fail(&sh->outage, now, sh->conf.timeout_ms);

	if (wait_ms > RETRY_AFTER_MAX_MS)
		wait_ms = RETRY_AFTER_MAX_MS;
	if (sh->outage.retry_ms < now + wait_ms)
		sh->outage.retry_ms = now + wait_ms;
	if (!sh->reached ||
	    outage_too_long(&sh->outage, now, sh->conf.timeout_ms))
		return SINK_FAULT;
	if (first && sh->conf.verbose >= 0)
		warnx("%s; trying again, the source waits", sh->say);
	return SINK_OK;
}

static const char *
first_line(struct sse_text body, char *buf, size_t cap)
{
	const char *lf = body.len > 0 ? memchr(body.ptr, '\n', body.len) : NULL;

	if (lf != NULL)
		body.len = (size_t)(lf - body.ptr);
	return visible_line(body, buf, cap);
}

static enum sink_what
refused(struct sink_http *sh, const struct poster_answer *a)
{
	struct verdict v = verdict_of_post(a->status);
	char shown[SHOWN_MAX];

	(void)fault(sh, v.status, "%s: HTTP status %ld%s%s", sh->conf.to->shown,
	    a->status, a->body.len > 0 ? ": " : "",
	    first_line(a->body, shown, sizeof(shown)));
	return v.what == VERDICT_LATER ? away(sh, a->retry_after_ms)
				       : SINK_FAULT;
}

/* All is published but events of a channel whose log is none there. */
static enum sink_what
landed_in_part(struct sink_http *sh, const struct poster_answer *a)
{
	char shown[WORDS_MAX];
	struct posted p;

	/* Where it does not say how many, it is at least one. */
	if (!posted_read(a->body, sh->batches.sent->events, &p)) {
		p.words = a->body;
		p.words = text_cut(&p.words, '\n');
		p.left_out = 1;
	}
	while (p.words.len > 0)
		warnx("%s: %s; its events are passed over", sh->conf.to->shown,
		    visible_line(
			text_cut(&p.words, '\n'), shown, sizeof(shown)));
	sh->sink.refused += p.left_out;
	return landed(sh);
}

static enum sink_what
answered(struct sink_http *sh, const struct poster_answer *a)
{
	sh->travels = false;
	if (a->status / 100 == 2)
		return landed(sh);
	if (a->status == 422 && sh->conf.to->serve)
		return landed_in_part(sh, a);
	/*
	 * A peer that does not know the batch before this one, for it lost its
	 * memory, has not got this one either.
	 */
	if (a->status == 409 && sh->conf.to->serve && sh->batches.number > 1) {
		batches_renumber(&sh->batches);
		return travel_noted(sh);
	}
	if (a->status != 0)
		return refused(sh, a);
	(void)fault(sh, a->fault_status, "%s: %s%s", sh->conf.to->shown,
	    a->fault, a->remedy);
	return away(sh, 0);
}

static enum sink_what
http_step(struct sink *k)
{
	struct sink_http *sh = of(k);
	struct batches *b = &sh->batches;
	struct poster_answer a;
	enum sink_what what = SINK_OK;

	if (sh->travels && poster_step(sh->poster, &a) == 1)
		what = answered(sh, &a);
	if (what != SINK_OK)
		return what;
	if (b->flying && !sh->travels && clock_mono_ms() >= sh->outage.retry_ms)
		what = travel(sh);
	if (!b->flying && b->next->events > 0)
		what = batches_launch(b) == -1 ? nomem(sh) : travel_noted(sh);
	/* Events that were passed over move the mark, too. */
	if (what == SINK_OK && !b->flying && sh->conf.state != NULL &&
	    !mark_none(&b->next->to) &&
	    (state_set_mark(sh->conf.state, mark_text(&b->next->to)) == -1 ||
		state_sync(sh->conf.state, false) == -1))
		return fault(sh, EX_IOERR, "%s", state_fault(sh->conf.state));
	return what;
}

static bool
http_room(struct sink *k, const struct event *ev)
{
	return batches_room(&of(k)->batches, ev);
}

static int
http_add(struct sink *k, const struct event *ev, struct sse_text once)
{
	(void)once;
	return batches_add(&of(k)->batches, ev);
}

static int
http_advance(struct sink *k, struct sse_text mark)
{
	return mark_set(&of(k)->batches.next->to, mark);
}

static bool
http_settled(struct sink *k)
{
	return batches_settled(&of(k)->batches);
}

static struct sse_text
http_done(struct sink *k)
{
	return batches_done(&of(k)->batches);
}

static struct sse_text
http_mark(struct sink *k)
{
	struct sink_http *sh = of(k);
	struct state_flight f = state_flight(sh->conf.state);

	/* What was on its way is sent again before anything else. */
	return f.number != 0 && f.to.len > 0 ? mark_text(&sh->batches.next->to)
					     : state_mark(sh->conf.state);
}

static int
http_wants(struct sink *k, struct pollfd *p)
{
	struct sink_http *sh = of(k);
	int64_t left_ms = sh->outage.retry_ms - clock_mono_ms();

	*p = (struct pollfd){ sh->travels ? poster_fd(sh->poster) : -1, POLLIN,
		0 };
	if (sh->travels)
		return poster_wait_ms(sh->poster);
	if (sh->batches.flying)
		return left_ms > 0 ? (int)left_ms : 0;
	return sh->conf.state != NULL ? state_due_ms(sh->conf.state) : -1;
}

static void
http_woken(struct sink *k, short revents)
{
	(void)k;
	(void)revents;
}

static size_t
http_waiting(struct sink *k)
{
	return batches_waiting(&of(k)->batches);
}

static const char *
http_say(struct sink *k)
{
	return of(k)->say;
}

static int
http_status(struct sink *k)
{
	return of(k)->status;
}

static void
http_free(struct sink *k)
{
	struct sink_http *sh = of(k);

	if (sh->conf.state != NULL && !sh->batches.flying &&
	    state_sync(sh->conf.state, true) == -1)
		warnx("%s", state_fault(sh->conf.state));
	poster_free(sh->poster);
	batches_free(&sh->batches);
	free(sh);
}

static const struct sink_ops ops = {
	.step = http_step,
	.room = http_room,
	.add = http_add,
	.advance = http_advance,
	.done = http_done,
	.mark = http_mark,
	.wants = http_wants,
	.woken = http_woken,
	.settled = http_settled,
	.waiting = http_waiting,
	.say = http_say,
	.status = http_status,
	.free = http_free,
};

static int
take_flight(struct sink_http *sh)
{
	struct state_flight f = state_flight(sh->conf.state);

	return f.number == 0 ? 0 : batches_resume(&sh->batches, &f);
}

struct sink *
sink_http_new(const struct sink_http_conf *conf)
{
	struct sink_http *sh = calloc(1, sizeof(*sh));

	if (sh == NULL)
		return NULL;
	sh->sink.ops = &ops;
	sh->sink.gaps = conf->to->serve;
	sh->sink.marked = conf->state != NULL;
	sh->conf = *conf;
	sh->outage = OUTAGE_NONE;
	batches_init(&sh->batches, conf->to, conf->batch_bytes);
	if ((sh->poster = poster_new(conf->http)) == NULL ||
	    (conf->state != NULL && take_flight(sh) == -1)) {
		http_free(&sh->sink);
		return NULL;
	}
	return &sh->sink;
}
