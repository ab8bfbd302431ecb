#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "http.h"
#include "http_url.h"
#include "posted.h"
#include "sink_http.h"
#include "units.h"
#include "verdict.h"
#include "visible.h"

#define PAUSE_MS 200      /* before the same batch is tried again */
#define PAUSE_MAX_MS 5000 /* however much the server asks for */
#define SHOWN_MAX 200     /* bytes of an answer in a message */
#define WORDS_MAX 800     /* of one that names a channel */

#define PRODUCER_BYTES 12
#define EVENTS_MAX 1000 /* in a numbered POST: sse-serve(1) */

struct sink_http {
	struct sink sink; /* first, so that a sink is one of these */
	struct http *http;
	bool keyed;                /* the event gathered has a key */
	char *shown;               /* the server, for messages */
	bool reached;              /* the server has answered before */
	char channel[CHANNEL_MAX]; /* the first event's */
	size_t channel_len;
	struct sse_buf body;
	struct sse_buf line;                   /* what tells a repeat */
	uint64_t number;                       /* of the batch sent last */
	char producer[2 * PRODUCER_BYTES + 1]; /* random, of this run */
};

static const struct sink_ops ops;

static void
producer_name(char *name)
{
	unsigned char bytes[PRODUCER_BYTES];

	arc4random_buf(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(name + 2 * i, 3, "%02x", bytes[i]);
}

struct sink *
sink_http_new(struct http *h, const char *base, size_t batch_max, bool wait,
    int64_t timeout_ms)
{
	struct sink_http *s = calloc(1, sizeof(*s));
	const char *fault;

	if (s == NULL)
		return NULL;
	sink_init(&s->sink, &ops, timeout_ms);
	s->sink.batch_max = batch_max < EVENTS_MAX ? batch_max : EVENTS_MAX;
	producer_name(s->producer);
	if ((s->shown = http_shown(base)) == NULL ||
	    (wait && http_add_header(h, "Sse-Ask: reached", &fault) == -1)) {
		sink_free(&s->sink);
		return NULL;
	}
	s->http = h;
	return &s->sink;
}

static void
http_sink_free(struct sink *sink)
{
	struct sink_http *s = (struct sink_http *)sink;

	http_free(s->http);
	free(s->shown);
	sse_buf_free(&s->body);
	sse_buf_free(&s->line);
	free(s);
}

static bool
http_fits(const struct sink *sink, const struct event *ev)
{
	const struct sink_http *s = (const struct sink_http *)sink;

	return !s->keyed && s->body.len + ev->data.len <= SINK_BATCH_BYTES;
}

/* A string of RFC 8941; what it cannot hold is percent-encoded. */
static int
add_key(struct sink_http *s, struct sse_text once)
{
	static const char start[] = "Idempotency-Key: \"";
	char hex[4];

	s->line.len = 0;
	if (sse_buf_append(&s->line, start, strlen(start)) == -1)
		return -1;
	for (size_t i = 0; i < once.len; i++) {
		unsigned char c = (unsigned char)once.ptr[i];
		bool plain = c >= ' ' && c < 0x7f && strchr("\"\\%", c) == NULL;

		snprintf(hex, sizeof(hex), "%%%02X", c);
		if (sse_buf_append(&s->line, plain ? &once.ptr[i] : hex,
			plain ? 1 : 3) == -1)
			return -1;
	}
	return sse_buf_append(&s->line, "\"", 2);
}

static int
http_add(struct sink *sink, const struct event *ev, struct sse_text once)
{
	struct sink_http *s = (struct sink_http *)sink;
	struct event posted = *ev;

	if (sink->gathered == 0) {
		memcpy(s->channel, ev->channel.ptr, ev->channel.len);
		s->channel_len = ev->channel.len;
	}
	/* A key goes with a request, so it is that of one event. */
	if ((s->keyed = once.len > 0) && add_key(s, once) == -1)
		return -1;
	/* The URL names the channel of those that do not. */
	if (s->channel_len == ev->channel.len &&
	    memcmp(s->channel, ev->channel.ptr, ev->channel.len) == 0)
		posted.channel.len = 0;
	return event_encode(&s->body, &posted);
}

/* The first line of an answer, for a message. */
static const char *
first_line(struct sse_text body, char *buf, size_t cap)
{
	const char *lf = body.len > 0 ? memchr(body.ptr, '\n', body.len) : NULL;

	if (lf != NULL)
		body.len = (size_t)(lf - body.ptr);
	return visible_line(body, buf, cap);
}

/* An sse-serve answers so; a proxy's own answers are pages. */
static bool
is_text(const struct http_answer *a)
{
	return strncmp(a->type, "text/plain", strlen("text/plain")) == 0;
}

/*
 * May the events be published for all that the status says?  A fault within the
 * server, or in a proxy, says nothing for sure.
 */
static bool
is_vague(long status)
{
	return status == 422 ||
	    (status / 100 == 5 && status != 503 && status != 507);
}

static enum sink_state
refused(struct sink_http *s, const struct http_answer *a)
{
	int status = verdict_of_post(a->status).status;
	char shown[SHOWN_MAX];

	/* A proxy says 400 of connections, too. */
	if ((a->status == 400 || a->status == 422) && is_text(a))
		status = EX_DATAERR;
	return sink_fail(&s->sink, status, a->unsure || is_vague(a->status),
	    "%s: HTTP status %ld: %s", s->shown, a->status,
	    first_line(a->body, shown, sizeof(shown)));
}

/* Is there an ID for each event?  The line ends tell. */
static bool
is_answer(const struct sink_http *s, const struct http_answer *a)
{
	size_t lines = 0;

	for (size_t i = 0; i < a->body.len; i++)
		lines += a->body.ptr[i] == '\n';
	return is_text(a) && lines == s->sink.gathered;
}

static int
take_ids(struct sink_http *s, struct sse_text body)
{
	const char *p = body.ptr, *end = p + body.len, *lf;

	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		struct sse_text id = { p, (size_t)(lf - p) };

		if (sink_minted(&s->sink, id) == -1)
			return -1;
		p = lf + 1;
	}
	return 0;
}

/* The batch has arrived: these are its IDs. */
static enum sink_state
arrived(struct sink_http *s, const struct http_answer *a, struct sse_text ids)
{
	if (take_ids(s, ids) == -1)
		return sink_fail(&s->sink, EX_SOFTWARE, true, "out of memory");
	sink_reached(&s->sink, a->reached);
	if (a->replayed && s->keyed) {
		s->sink.known++;
		s->sink.known_by_us = a->unsure;
	}
	s->body.len = 0;
	s->keyed = false;
	s->sink.gathered = 0;
	return SINK_READY;
}

/* All of it but events of channels whose log is none there, which is said. */
static enum sink_state
arrived_in_part(
    struct sink_http *s, const struct http_answer *a, const struct posted *p)
{
	struct sse_text rest = p->words;
	char shown[WORDS_MAX];

	while (rest.len > 0)
		warnx("%s: %s", s->shown,
		    visible_line(text_cut(&rest, '\n'), shown, sizeof(shown)));
	s->sink.refused += p->left_out;
	return arrived(s, a, p->ids);
}

static enum sink_state
answered(struct sink_http *s, const struct http_answer *a)
{
	struct posted p;

	if (a->status == 0)
		return sink_fail(&s->sink, a->failure, a->unsure, "%s: %s%s",
		    s->shown, a->fault, a->remedy);
	if (a->status == 422 && is_text(a) &&
	    posted_read(a->body, s->sink.gathered, &p))
		return arrived_in_part(s, a, &p);
	if (a->status / 100 != 2)
		return refused(s, a);
	if (!is_answer(s, a))
		return sink_fail(&s->sink, EX_PROTOCOL, true,
		    "%s: the answer is not that of an sse-serve", s->shown);
	return arrived(s, a, a->body);
}

/* How long to wait before the batch is sent again; -1 says not at all. */
static int64_t
pause_ms(const struct sink_http *s, const struct http_answer *a)
{
	if (a->status == 0 && a->final)
		return -1;
	if (a->status == 0 && (s->reached || a->unsure))
		return PAUSE_MS;
	if (verdict_of_post(a->status).what != VERDICT_LATER)
		return -1;
	/* Unlike sse-relay, which has all the time: somebody waits. */
	if (a->status == 500 || a->status == 501 || a->status == 505)
		return -1;
	if (a->retry_after_ms > PAUSE_MAX_MS)
		return PAUSE_MAX_MS;
	return a->retry_after_ms > 0 ? a->retry_after_ms : PAUSE_MS;
}

static void
wait_ms(int64_t ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

/* What tells this batch from all others, in one header or more. */
static int
name_batch(struct sink_http *s)
{
	char line[128];
	int n;

	if (s->keyed)
		return 0;
	n = snprintf(line, sizeof(line), "Sse-Producer: %s/%" PRIu64,
	    s->producer, ++s->number);
	s->line.len = 0;
	return sse_buf_append(&s->line, line, (size_t)n + 1);
}

static enum sink_state
http_send(struct sink *sink)
{
	struct sink_http *s = (struct sink_http *)sink;
	struct sse_text channel = { s->channel, s->channel_len };
	int64_t deadline_ms = clock_mono_ms() + sink->timeout_ms;
	int64_t now_ms, ms;
	struct http_answer a;
	bool unsure = false; /* one of the tries may have arrived */

	if (name_batch(s) == -1)
		return sink_fail(sink, EX_SOFTWARE, false, "out of memory");
	for (;;) {
		now_ms = clock_mono_ms();
		if (http_post(s->http, channel, s->line.ptr, &s->body,
			deadline_ms - now_ms, &a) == -1)
			return sink_fail(
			    sink, EX_SOFTWARE, false, "out of memory");
		s->reached = s->reached || a.status != 0;
		unsure = unsure || a.unsure || is_vague(a.status);
		a.unsure = unsure;
		ms = pause_ms(s, &a);
		if (ms == -1 || clock_mono_ms() + ms >= deadline_ms ||
		    (sink->stop != NULL && *sink->stop))
			return answered(s, &a);
		wait_ms(ms);
	}
}

/* Nothing is ever on its way behind the caller's back. */
static enum sink_state
http_receive(struct sink *sink)
{
	(void)sink;
	return SINK_READY;
}

static const struct sink_ops ops = {
	.fits = http_fits,
	.add = http_add,
	.send = http_send,
	.receive = http_receive,
	.free = http_sink_free,
};
