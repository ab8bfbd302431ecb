#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "exchange.h"
#include "follow.h"
#include "multi.h"
#include "request.h"
#include "units.h"
#include "verdict.h"
#include "visible.h"

#define STEADY_MS INT64_C(10000) /* so long open is no failure */

enum phase {
	PHASE_PAUSE,   /* until next_ms, then a request */
	PHASE_REQUEST, /* one is under way, or over and not all is decoded */
	PHASE_OVER,    /* FOLLOW_END or FOLLOW_FAULT, as over says */
};

struct follow {
	const struct follow_conf *conf;
	struct multi *own; /* NULL: it is conf's */
	struct exchange *exchange;
	struct sse_decoder *decoder;
	size_t used;        /* of the exchange's body, to be taken */
	struct sse_buf raw; /* of this block, with conf->raw */
	enum phase phase;
	enum follow_what over;
	bool told;      /* FOLLOW_OPEN was handed out for this response */
	bool handed;    /* the last call handed out a block */
	bool succeeded; /* any response was an event stream */
	bool progress;  /* this connection brought an event */
	unsigned int failures; /* in a row */
	int64_t next_ms;
	char *shown;      /* the URL without password, printable */
	char reason[128]; /* what this response's last comment said */
};

static int64_t
or_default(int64_t ms, int64_t otherwise)
{
	return ms != 0 ? ms : otherwise;
}

static struct multi *
multi_of(const struct follow *f)
{
	return f->own != NULL ? f->own : f->conf->multi;
}

static int
build(struct follow *f)
{
	const struct follow_conf *conf = f->conf;
	struct sse_text id = text_of(conf->last_id);

	errno = ENOMEM;
	if ((conf->multi == NULL && (f->own = multi_new()) == NULL) ||
	    (f->shown = request_shown(conf->url)) == NULL ||
	    (f->decoder = sse_decoder_new(conf->max_bytes)) == NULL ||
	    (f->exchange = exchange_new(conf, multi_of(f), f->shown)) == NULL)
		return -1;
	sse_decoder_ask(
	    f->decoder, SSE_ASK_FIELDS | SSE_ASK_COMMENTS | SSE_ASK_BLOCKS);
	return sse_decoder_set_last_id(f->decoder, id.ptr, id.len);
}

struct follow *
follow_new(const struct follow_conf *conf)
{
	struct follow *f = calloc(1, sizeof(*f));
	int saved;

	if (f == NULL)
		return NULL;
	f->conf = conf;
	f->phase = PHASE_PAUSE;
	if (build(f) == 0)
		return f;
	saved = errno;
	follow_free(f);
	errno = saved;
	return NULL;
}

void
follow_free(struct follow *f)
{
	if (f == NULL)
		return;
	exchange_free(f->exchange);
	multi_free(f->own);
	sse_decoder_free(f->decoder);
	sse_buf_free(&f->raw);
	free(f->shown);
	free(f);
}

static enum follow_what
over(struct follow *f, enum follow_what what)
{
	exchange_end(f->exchange);
	f->used = 0;
	f->phase = PHASE_OVER;
	f->over = what;
	return what;
}

/* Begin a request, for which everything of the last one is forgotten. */
static int
request(struct follow *f)
{
	if (exchange_begin(f->exchange, follow_last_id(f)) == -1)
		return -1;
	sse_decoder_reset(f->decoder);
	f->raw.len = f->used = 0;
	f->told = f->progress = false;
	f->reason[0] = '\0';
	f->phase = PHASE_REQUEST;
	return 0;
}

/* How long before the next request, after one more failure. */
static int64_t
wait_ms(struct follow *f)
{
	int64_t ms = sse_decoder_retry_ms(f->decoder);
	int64_t after_ms = exchange_retry_after_ms(f->exchange);
	int64_t asked_max_ms = or_default(
	    f->conf->retry_max_ms, FOLLOW_RETRY_ASKED_MAX_MS);

	if (ms < 0)
		ms = FOLLOW_RETRY_MS;
	ms = verdict_wait_ms(ms < asked_max_ms ? ms : asked_max_ms, f->failures,
	    or_default(f->conf->retry_max_ms, FOLLOW_RETRY_MAX_MS),
	    arc4random());
	return ms < after_ms ? after_ms : ms;
}

static enum follow_what
lose(struct follow *f)
{
	const struct exchange *x = f->exchange;
	int64_t now = clock_mono_ms();

	if (exchange_good(x) &&
	    (f->progress || now - exchange_opened_ms(x) >= STEADY_MS))
		f->failures = 0;
	f->failures++;
	if (!(f->succeeded ? f->conf->reconnect : f->conf->retry_first) ||
	    (f->conf->retries != 0 && f->failures > f->conf->retries))
		return over(f, FOLLOW_FAULT);
	f->next_ms = now + wait_ms(f);
	exchange_end(f->exchange);
	f->phase = PHASE_PAUSE;
	return FOLLOW_LOST;
}

static enum follow_what
conclude(struct follow *f, struct verdict v)
{
	if (v.what == VERDICT_END ||
	    (v.what == VERDICT_GOOD && !f->conf->reconnect))
		return over(f, FOLLOW_END);
	return v.what == VERDICT_NEVER ? over(f, FOLLOW_FAULT) : lose(f);
}

/* When a peer that says nothing is dead. */
static int64_t
idle_at(const struct follow *f)
{
	int64_t at = exchange_heard_ms(f->exchange) + f->conf->idle_ms;

	/* Until it is connected, the time to connect is what counts. */
	if (!exchange_connected(f->exchange))
		at += or_default(f->conf->connect_ms, FOLLOW_CONNECT_MS);
	return at;
}

static bool
idle(struct follow *f)
{
	/* What came while we were held up is yet to be heard. */
	if (f->conf->idle_ms == 0 || multi_looked_ms(multi_of(f)) < idle_at(f))
		return false;
	exchange_say(f->exchange, EX_UNAVAILABLE, "nothing came for %lld s",
	    (long long)f->conf->idle_ms / 1000);
	return true;
}

static enum follow_what
decode_fault(struct follow *f)
{
	f->raw.len = 0;
	if (errno == EMSGSIZE) {
		exchange_say(f->exchange, EX_DATAERR,
		    "an event of more than %zu bytes is dropped",
		    f->conf->max_bytes != 0 ? f->conf->max_bytes
					    : SSE_MAX_BYTES_DEFAULT);
		return FOLLOW_DROPPED;
	}
	exchange_say(f->exchange, EX_SOFTWARE, "out of memory");
	return over(f, FOLLOW_FAULT);
}

/*
 * A comment in a block without data: sse-serve says so why it sends a client
 * away that it cannot serve at this time.
 */
static void
keep_reason(struct follow *f)
{
	struct sse_field field;
	size_t iter = 0;

	while (sse_decoder_field(f->decoder, &iter, &field) == 1)
		if (field.name.len == 0 && field.value.len > 0)
			visible_line(field.value, f->reason, sizeof(f->reason));
}

/* What a block is to the caller; FOLLOW_WAIT: nothing. */
static enum follow_what
take_block(struct follow *f, struct event *ev, const struct sse_event *from)
{
	const char *what;

	/* An ID alone is no progress: it may be the same each time. */
	if ((from->has & SSE_HAS_DATA) == 0) {
		keep_reason(f);
		if (!f->conf->blocks)
			return FOLLOW_WAIT;
		(void)event_decode(ev, f->decoder, from, &what);
		return FOLLOW_BLOCK;
	}
	f->progress = true;
	f->reason[0] = '\0';
	(void)event_decode(ev, f->decoder, from, &what);
	if (text_is(ev->type, "sse:end"))
		return over(f, FOLLOW_END);
	return FOLLOW_EVENT;
}

/* The next event of what has come; FOLLOW_WAIT when it holds no more. */
static enum follow_what
decode(struct follow *f, struct event *ev)
{
	const struct sse_event *from;
	enum follow_what what;
	struct sse_text body;
	int r;

	for (;;) {
		/* Not before: what was handed out may have pointed there. */
		body = exchange_take(f->exchange, f->used);
		f->used = 0;
		if (f->handed)
			f->raw.len = 0;
		f->handed = false;
		if (body.len == 0)
			return FOLLOW_WAIT;
		r = sse_decoder_feed(
		    f->decoder, body.ptr, body.len, &f->used, &from);
		if (r == -1 ||
		    (f->conf->raw &&
			sse_buf_append(&f->raw, body.ptr, f->used) == -1))
			return decode_fault(f);
		if (r == 0)
			continue;
		f->handed = true;
		if ((what = take_block(f, ev, from)) != FOLLOW_WAIT)
			return what;
	}
}

enum follow_what
follow_next(struct follow *f, struct event *ev)
{
	enum follow_what what;

	if (f->phase == PHASE_OVER)
		return f->over;
	if (f->phase == PHASE_PAUSE) {
		if (clock_mono_ms() < f->next_ms)
			return FOLLOW_WAIT;
		if (request(f) == -1) {
			exchange_say(f->exchange, EX_SOFTWARE,
			    "the request cannot be made");
			return over(f, FOLLOW_FAULT);
		}
	}
	if (!f->told && exchange_good(f->exchange)) {
		f->told = f->succeeded = true;
		return FOLLOW_OPEN;
	}
	if ((what = decode(f, ev)) != FOLLOW_WAIT)
		return what;
	if (exchange_over(f->exchange))
		return conclude(f, exchange_judge(f->exchange, f->reason));
	if (idle(f))
		return conclude(
		    f, (struct verdict){ VERDICT_LATER, EX_UNAVAILABLE });
	return FOLLOW_WAIT;
}

size_t
follow_many(struct follow *f, struct sse_event *ev, size_t max)
{
	struct sse_text body;
	size_t n;

	if (f->phase != PHASE_REQUEST || !f->told || f->conf->raw)
		return 0;
	body = exchange_take(f->exchange, f->used);
	n = sse_decoder_feed_many(
	    f->decoder, body.ptr, body.len, &f->used, ev, max);
	if (n > 0) {
		f->progress = true;
		f->reason[0] = '\0';
	}
	return n;
}

bool
follow_drained(const struct follow *f)
{
	return exchange_body(f->exchange).len <= f->used;
}

void
follow_release(struct follow *f)
{
	(void)exchange_take(f->exchange, f->used);
	f->used = 0;
}

int64_t
follow_due_ms(const struct follow *f)
{
	if (f->phase == PHASE_PAUSE)
		return f->next_ms;
	if (f->phase == PHASE_OVER || exchange_over(f->exchange) ||
	    !follow_drained(f) || (!f->told && exchange_good(f->exchange)))
		return 0;
	return f->conf->idle_ms > 0 ? idle_at(f) : INT64_MAX;
}

/* How long a wait may be, at most timeout_ms. */
static int
wait_at_most(const struct follow *f, int timeout_ms)
{
	int64_t due = follow_due_ms(f), left;

	if (due == INT64_MAX)
		return timeout_ms;
	left = due == 0 ? 0 : due - clock_mono_ms();
	if (left < 0)
		left = 0;
	if (timeout_ms >= 0 && left > timeout_ms)
		return timeout_ms;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

int
follow_wait(
    struct follow *f, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	return multi_wait(multi_of(f), extra, n, wait_at_most(f, timeout_ms));
}

struct sse_text
follow_last_id(const struct follow *f)
{
	return sse_decoder_last_id(f->decoder);
}

int
follow_rewind(struct follow *f, struct sse_text id)
{
	if (sse_decoder_set_last_id(f->decoder, id.ptr, id.len) == -1)
		return -1;
	exchange_end(f->exchange);
	f->phase = PHASE_PAUSE;
	f->next_ms = 0;
	f->failures = 0;
	f->used = 0;
	return 0;
}

int
follow_status(const struct follow *f)
{
	return exchange_status(f->exchange);
}

long
follow_response(const struct follow *f)
{
	return exchange_response(f->exchange);
}

const char *
follow_fault(const struct follow *f)
{
	return exchange_said(f->exchange);
}

int64_t
follow_retry_in_ms(const struct follow *f)
{
	int64_t ms = f->next_ms - clock_mono_ms();

	return ms < 0 ? 0 : ms;
}

const struct sse_decoder *
follow_decoder(const struct follow *f)
{
	return f->decoder;
}

struct sse_text
follow_raw(const struct follow *f)
{
	return (struct sse_text){ f->raw.ptr, f->raw.len };
}

const char *
follow_peer(const struct follow *f)
{
	return exchange_peer(f->exchange);
}

unsigned long long
follow_bytes(const struct follow *f)
{
	return exchange_bytes(f->exchange);
}
