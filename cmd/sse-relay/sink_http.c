/*
 * As into Redis, one batch travels while the next one gathers.  What the peer
 * has of it when its answer is lost nobody knows, so it is sent again, under the
 * same key, until it is answered: also by the next run, if there is a state.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "mark.h"
#include "outage.h"
#include "posted.h"
#include "poster.h"
#include "sink.h"
#include "units.h"
#include "visible.h"

#define BATCH_EVENTS 1000 /* that sse-serve takes under one number */
#define PRODUCER_BYTES 12
#define RETRY_AFTER_MAX_MS INT64_C(600000)
#define SHOWN_MAX 200 /* bytes of an answer in a message */
#define WORDS_MAX 800 /* of one that names a channel */

/* A body while it gathers or travels. */
struct batch {
	struct sse_buf body;
	size_t events;
	struct sse_buf channel; /* of its first event: the URL names it */
	struct mark to;         /* the source's mark behind it */
};

struct sink_http {
	struct sink sink; /* first, so that a sink is one of these */
	struct sink_http_conf conf;
	struct poster *poster;
	struct batch two[2];
	struct batch *sent, *next;
	bool flying;      /* sent is a batch that is not answered */
	bool travels;     /* and it is on its way right now */
	bool reached;     /* the peer has answered before */
	struct mark done; /* up to where the peer has it all */
	struct outage outage;
	char producer[2 * PRODUCER_BYTES + 1];
	uint64_t number;
	char *url; /* owned: of the batch sent */
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

static void
new_producer(struct sink_http *sh)
{
	unsigned char bytes[PRODUCER_BYTES];

	arc4random_buf(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(sh->producer + 2 * i, 3, "%02x", bytes[i]);
}

static bool
plain(char c)
{
	return isalnum((unsigned char)c) || strchr("-._~", c) != NULL;
}

static int
append_encoded(struct sse_buf *b, struct sse_text t)
{
	char hex[4];

	for (size_t i = 0; i < t.len; i++) {
		snprintf(hex, sizeof(hex), "%%%02X", (unsigned char)t.ptr[i]);
		if ((plain(t.ptr[i]) ? sse_buf_append(b, t.ptr + i, 1)
				     : sse_buf_append(b, hex, 3)) == -1)
			return -1;
	}
	return 0;
}

/* BASE/events/CHANNEL, the query behind it, or the URL as it is. */
static int
make_url(struct sink_http *sh, struct sse_text channel)
{
	static const char events[] = "/events/";
	const char *url = sh->conf.to->url;
	size_t base = strcspn(url, "?#"), rest = base;
	struct sse_buf b = { NULL, 0, 0 };

	free(sh->url);
	sh->url = NULL;
	if (!sh->conf.to->serve)
		return (sh->url = strdup(url)) == NULL ? -1 : 0;
	while (base > 0 && url[base - 1] == '/')
		base--;
	if (sse_buf_append(&b, url, base) == -1 ||
	    sse_buf_append(&b, events, strlen(events)) == -1 ||
	    append_encoded(&b, channel) == -1 ||
	    sse_buf_append(&b, url + rest, strlen(url + rest) + 1) == -1) {
		sse_buf_free(&b);
		return -1;
	}
	sh->url = b.ptr;
	return 0;
}

static enum sink_what
travel(struct sink_http *sh)
{
	char key[2 * PRODUCER_BYTES + 64];

	snprintf(key, sizeof(key),
	    sh->conf.to->serve ? "Sse-Producer: %s/%" PRIu64
			       : "Idempotency-Key: \"%s-%" PRIu64 "\"",
	    sh->producer, sh->number);
	if (poster_send(sh->poster, sh->url, key, &sh->sent->body) == -1)
		return nomem(sh);
	sh->travels = true;
	return SINK_OK;
}

/* What the next run is to send again, should this one not hear of it. */
static int
note_flight(struct sink_http *sh)
{
	struct state_flight f = { mark_text(&sh->sent->to),
		text_of(sh->producer), text_of(sh->url), sh->number,
		{ sh->sent->body.ptr, sh->sent->body.len } };

	return sh->conf.state == NULL ? 0
				      : state_set_flight(sh->conf.state, &f);
}

static enum sink_what
launch(struct sink_http *sh)
{
	struct batch *b = sh->next;

	sh->next = sh->sent;
	sh->sent = b;
	sh->next->body.len = sh->next->channel.len = 0;
	sh->next->events = 0;
	sh->number++;
	sh->flying = true;
	if (mark_set(&sh->next->to, mark_text(&b->to)) == -1 ||
	    make_url(sh, (struct sse_text){ b->channel.ptr, b->channel.len }) ==
		-1)
		return nomem(sh);
	if (note_flight(sh) == -1)
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
	sh->flying = false;
	sh->sent->events = 0;
	if (mark_set(&sh->done, mark_text(&sh->sent->to)) == -1)
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
	int status = EX_PROTOCOL;
	char shown[SHOWN_MAX];

	if (a->status == 401 || a->status == 403 || a->status == 407)
		status = EX_NOPERM;
	else if (a->status == 429 || a->status / 100 == 5)
		status = EX_TEMPFAIL;
	(void)fault(sh, status, "%s: HTTP status %ld%s%s", sh->conf.to->shown,
	    a->status, a->body.len > 0 ? ": " : "",
	    first_line(a->body, shown, sizeof(shown)));
	return status == EX_TEMPFAIL ? away(sh, a->retry_after_ms) : SINK_FAULT;
}

/*
 * A peer that does not know the batch before this one, for it lost its memory,
 * has not got this one either.
 */
static enum sink_what
renumber(struct sink_http *sh)
{
	new_producer(sh);
	sh->number = 1;
	if (note_flight(sh) == -1)
		return fault(sh, EX_IOERR, "%s", state_fault(sh->conf.state));
	return travel(sh);
}

/* All is published but events of a channel whose log is none there. */
static enum sink_what
landed_in_part(struct sink_http *sh, const struct poster_answer *a)
{
	char shown[WORDS_MAX];
	struct posted p;

	/* Where it does not say how many, it is at least one. */
	if (!posted_read(a->body, sh->sent->events, &p)) {
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
	if (a->status == 409 && sh->conf.to->serve && sh->number > 1)
		return renumber(sh);
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
	struct poster_answer a;
	enum sink_what what = SINK_OK;

	if (sh->travels && poster_step(sh->poster, &a) == 1)
		what = answered(sh, &a);
	if (what != SINK_OK)
		return what;
	if (sh->flying && !sh->travels &&
	    clock_mono_ms() >= sh->outage.retry_ms)
		what = travel(sh);
	if (!sh->flying && sh->next->events > 0)
		what = launch(sh);
	/* Events that were passed over move the mark, too. */
	if (what == SINK_OK && !sh->flying && sh->conf.state != NULL &&
	    !mark_none(&sh->next->to) &&
	    (state_set_mark(sh->conf.state, mark_text(&sh->next->to)) == -1 ||
		state_sync(sh->conf.state, false) == -1))
		return fault(sh, EX_IOERR, "%s", state_fault(sh->conf.state));
	return what;
}

static bool
http_room(struct sink *k, const struct event *ev)
{
	const struct sink_http *sh = of(k);
	const struct batch *b = sh->next;

	return b->events == 0 ||
	    (b->events < BATCH_EVENTS &&
		b->body.len + ev->data.len < sh->conf.batch_bytes);
}

static int
http_add(struct sink *k, const struct event *ev, struct sse_text once)
{
	struct sink_http *sh = of(k);
	struct batch *b = sh->next;
	struct event posted = *ev;

	(void)once;
	if (b->events == 0 &&
	    sse_buf_append(&b->channel, ev->channel.ptr, ev->channel.len) == -1)
		return -1;
	/* The URL names the channel of those that do not. */
	if (sh->conf.to->serve && b->channel.len == ev->channel.len &&
	    (ev->channel.len == 0 ||
		memcmp(b->channel.ptr, ev->channel.ptr, ev->channel.len) == 0))
		posted.channel.len = 0;
	if (event_encode(&b->body, &posted) == -1)
		return -1;
	b->events++;
	return 0;
}

static int
http_advance(struct sink *k, struct sse_text mark)
{
	return mark_set(&of(k)->next->to, mark);
}

static bool
http_settled(struct sink *k)
{
	return !of(k)->flying && of(k)->next->events == 0;
}

static struct sse_text
http_done(struct sink *k)
{
	struct sink_http *sh = of(k);

	return mark_text(http_settled(k) ? &sh->next->to : &sh->done);
}

static struct sse_text
http_mark(struct sink *k)
{
	struct sink_http *sh = of(k);
	struct state_flight f = state_flight(sh->conf.state);

	/* What was on its way is sent again before anything else. */
	return f.number != 0 && f.to.len > 0 ? mark_text(&sh->next->to)
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
	if (sh->flying)
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
	const struct sink_http *sh = of(k);

	return sh->next->events + (sh->flying ? sh->sent->events : 0);
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

	if (sh->conf.state != NULL && !sh->flying &&
	    state_sync(sh->conf.state, true) == -1)
		warnx("%s", state_fault(sh->conf.state));
	poster_free(sh->poster);
	for (size_t i = 0; i < 2; i++) {
		sse_buf_free(&sh->two[i].body);
		sse_buf_free(&sh->two[i].channel);
		mark_free(&sh->two[i].to);
	}
	mark_free(&sh->done);
	free(sh->url);
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

/* What the run before had on its way goes first, as it was. */
static int
take_flight(struct sink_http *sh)
{
	struct state_flight f = state_flight(sh->conf.state);
	struct batch *b = sh->sent;

	if (f.number == 0)
		return 0;
	snprintf(sh->producer, sizeof(sh->producer), "%.*s",
	    (int)f.producer.len, f.producer.ptr);
	sh->number = f.number;
	sh->flying = true;
	b->events = 1;
	return sse_buf_append(&b->body, f.body.ptr, f.body.len) == -1 ||
		mark_set(&b->to, f.to) == -1 ||
		mark_set(&sh->next->to, f.to) == -1 ||
		(sh->url = strndup(f.url.ptr, f.url.len)) == NULL
	    ? -1
	    : 0;
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
	sh->sent = &sh->two[0];
	sh->next = &sh->two[1];
	new_producer(sh);
	if ((sh->poster = poster_new(conf->http)) == NULL ||
	    (conf->state != NULL && take_flight(sh) == -1)) {
		http_free(&sh->sink);
		return NULL;
	}
	return &sh->sink;
}
