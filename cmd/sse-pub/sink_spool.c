#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "sink_spool.h"
#include "units.h"

#define RETRY_MS 5000 /* between tries to reach the destination again */
#define RUN_BYTES 12
#define KEY_MAX (2 * RUN_BYTES + 24)

struct sink_spool {
	struct sink sink; /* first, so that a sink is one of these */
	const struct destination *dest;
	struct spool *spool;
	struct sink *to;     /* NULL: the destination is away */
	struct sse_buf copy; /* of what is gathered, as the spool holds it */
	unsigned long long count, kept;
	int64_t retry_ms; /* when it is tried again */
	int away;         /* the status of the last failure */
	char why[512];
	char run[2 * RUN_BYTES + 1]; /* what keys begin with */
};

static const struct sink_ops ops;

struct sink *
sink_spool_new(
    const struct destination *d, struct spool *spool, int64_t timeout_ms)
{
	struct sink_spool *s = calloc(1, sizeof(*s));
	unsigned char bytes[RUN_BYTES];

	if (s == NULL)
		return NULL;
	sink_init(&s->sink, &ops, timeout_ms);
	s->sink.batch_max = d->conf->max_batch;
	s->dest = d;
	s->spool = spool;
	arc4random_buf(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(s->run + 2 * i, 3, "%02x", bytes[i]);
	return &s->sink;
}

static void
spool_sink_free(struct sink *sink)
{
	struct sink_spool *s = (struct sink_spool *)sink;

	sink_free(s->to);
	sse_buf_free(&s->copy);
	free(s);
}

unsigned long long
sink_spool_kept(const struct sink *sink)
{
	return ((const struct sink_spool *)sink)->kept;
}

int
sink_spool_away(const struct sink *sink, const char **fault)
{
	const struct sink_spool *s = (const struct sink_spool *)sink;

	*fault = s->why;
	return s->to == NULL ? s->away : 0;
}

/* May it be otherwise later? */
static bool
passes(int status)
{
	return status == EX_UNAVAILABLE || status == EX_TEMPFAIL;
}

static bool
is_away(const struct sink_spool *s)
{
	return s->to == NULL;
}

/* The destination has failed.  READY when it is away, and nothing worse. */
static enum sink_state
lose(struct sink_spool *s)
{
	int status = s->to->status;

	snprintf(s->why, sizeof(s->why), "%s", s->to->fault);
	s->away = status;
	sink_free(s->to);
	s->to = NULL;
	s->retry_ms = clock_mono_ms() + RETRY_MS;
	if (passes(status))
		return SINK_READY;
	return sink_fail(&s->sink, status, false, "%s", s->why);
}

static enum sink_state
spool_fault(struct sink_spool *s)
{
	return sink_fail(&s->sink, EX_IOERR, false, "spool %s: %s",
	    s->dest->conf->spool, strerror(errno));
}

static enum sink_state
reach(struct sink_spool *s)
{
	s->to = destination_sink(s->dest);
	s->to->stop = s->sink.stop;
	s->to->tell = s->sink.tell;
	return destination_open(s->dest, s->to) == SINK_FAILED ? lose(s)
							       : SINK_READY;
}

/* What it has refused counts here, too. */
static void
take_refused(struct sink_spool *s)
{
	s->sink.refused += s->to->refused;
	s->to->refused = 0;
}

/* And so does what it knew before; what was flushed is of other runs. */
static void
take_known(struct sink_spool *s, bool ours)
{
	if (ours) {
		s->sink.known += s->to->known;
		s->sink.known_by_us = s->to->known_by_us;
	}
	s->to->known = 0;
}

/* The IDs of the destination are ours. */
static int
take_ids(struct sink_spool *s)
{
	int r = s->to->ids.len == 0
	    ? 0
	    : sse_buf_append(&s->sink.ids, s->to->ids.ptr, s->to->ids.len);

	s->to->ids.len = 0;
	s->to->tell = s->sink.tell;
	return r;
}

/*
 * Publish one batch of the spool.  *more: there may be another.  An event that
 * is refused for what it is would hold up all others: alone it is found.
 */
static enum sink_state
flush_batch(struct sink_spool *s, bool alone, bool *more)
{
	size_t n = 0, max = alone ? 1 : s->to->batch_max;
	struct sse_text once;
	struct event ev;
	int r = 1;

	while (n < max && (r = spool_next(s->spool, &ev, &once)) == 1) {
		if (sink_add(s->to, &ev, once) == -1)
			return spool_fault(s);
		n++;
		if (s->to->gathered >= s->to->batch_max ||
		    !s->to->ops->fits(s->to, &ev))
			break;
	}
	if (r == -1)
		return spool_fault(s);
	*more = r == 1;
	if (n > 0 && sink_finish(s->to) == SINK_FAILED)
		return SINK_FAILED;
	take_refused(s);
	take_known(s, false);
	s->to->ids.len = 0; /* of other runs */
	spool_sent(s->spool);
	return SINK_READY;
}

/* A batch is refused: one by one, without those at fault. */
static enum sink_state
flush_singly(struct sink_spool *s)
{
	bool more = true;
	enum sink_state state;

	(void)spool_rewind(s->spool);
	while (more) {
		if (s->to == NULL &&
		    ((state = reach(s)) == SINK_FAILED || s->to == NULL))
			return state;
		if (flush_batch(s, true, &more) != SINK_FAILED)
			continue;
		if (s->sink.fault[0] != '\0' || s->to->status != EX_DATAERR)
			return s->sink.fault[0] != '\0' ? SINK_FAILED : lose(s);
		warnx("an event of the spool is refused, and dropped: %s",
		    s->to->fault);
		spool_sent(s->spool);
		sink_free(s->to);
		s->to = NULL;
	}
	return s->to == NULL ? reach(s) : SINK_READY;
}

/* All that waits, while the right to flush is ours. */
static enum sink_state
flush_all(struct sink_spool *s)
{
	enum sink_state state = SINK_READY;
	bool more;
	int r;

	do {
		for (more = true; more;) {
			if (flush_batch(s, false, &more) != SINK_FAILED)
				continue;
			if (s->sink.fault[0] != '\0')
				return SINK_FAILED;
			state = s->to->status == EX_DATAERR ? flush_singly(s)
							    : lose(s);
			if (state == SINK_FAILED || is_away(s))
				return state;
			more = false;
		}
		if ((r = spool_clean(s->spool)) == -1)
			return spool_fault(s);
	} while (r == 1);
	s->kept = 0;
	return SINK_READY;
}

/* Publish what waits.  Someone else may be at it: then wait for that. */
static enum sink_state
flush(struct sink_spool *s)
{
	int64_t deadline_ms = clock_mono_ms() + s->sink.timeout_ms;
	enum sink_state state = SINK_READY;
	int r;

	if (s->to == NULL && (reach(s) == SINK_FAILED || s->to == NULL))
		return s->sink.fault[0] != '\0' ? SINK_FAILED : SINK_READY;
	if (spool_is_empty(s->spool) == 1) {
		s->kept = 0;
		return SINK_READY;
	}
	if ((r = spool_begin(s->spool, deadline_ms)) == -1)
		return spool_fault(s);
	if (r == 0) {
		sink_fail(s->to, EX_TEMPFAIL, false,
		    "spool %s: somebody else is publishing what is in it",
		    s->dest->conf->spool);
		return lose(s);
	}
	state = flush_all(s);
	spool_end(s->spool);
	return state;
}

enum sink_state
sink_spool_open(struct sink *sink)
{
	return flush((struct sink_spool *)sink);
}

static bool
spool_fits(const struct sink *sink, const struct event *ev)
{
	const struct sink_spool *s = (const struct sink_spool *)sink;

	if (s->to != NULL)
		return sink_fits(s->to, ev);
	return s->copy.len + ev->data.len <= SINK_BATCH_BYTES;
}

static int
spool_add(struct sink *sink, const struct event *ev, struct sse_text once)
{
	struct sink_spool *s = (struct sink_spool *)sink;
	size_t before = s->copy.len;
	char key[KEY_MAX];
	int n = snprintf(key, sizeof(key), "%s-%llu", s->run, ++s->count);

	if (once.len == 0)
		once = (struct sse_text){ key, (size_t)n };
	if (spool_encode(&s->copy, ev, once) == -1)
		return -1;
	if (s->to != NULL && sink_add(s->to, ev, once) == -1) {
		s->copy.len = before;
		return -1;
	}
	return 0;
}

static enum sink_state
keep(struct sink_spool *s)
{
	size_t n = s->sink.gathered;

	s->sink.gathered = 0;
	if (spool_append(
		s->spool, (struct sse_text){ s->copy.ptr, s->copy.len }) == -1)
		return sink_fail(&s->sink, errno == EDQUOT ? s->away : EX_IOERR,
		    false, "%s; spool %s: %s", s->why, s->dest->conf->spool,
		    errno == EDQUOT ? "it is full (--spool-max)"
				    : strerror(errno));
	s->kept += n;
	s->copy.len = 0;
	return SINK_READY;
}

static enum sink_state
spool_send(struct sink *sink)
{
	struct sink_spool *s = (struct sink_spool *)sink;

	if (s->to != NULL && sink_finish(s->to) != SINK_FAILED) {
		sink->gathered = s->copy.len = 0;
		take_refused(s);
		take_known(s, true);
		return take_ids(s) == -1
		    ? sink_fail(sink, EX_SOFTWARE, true, "out of memory")
		    : SINK_READY;
	}
	if (s->to != NULL && lose(s) == SINK_FAILED)
		return SINK_FAILED;
	if (keep(s) == SINK_FAILED)
		return SINK_FAILED;
	if (clock_mono_ms() < s->retry_ms ||
	    (sink->stop != NULL && *sink->stop))
		return SINK_READY;
	return flush(s);
}

static enum sink_state
spool_receive(struct sink *sink)
{
	(void)sink;
	return SINK_READY; /* nothing is ever on its way */
}

static const struct sink_ops ops = {
	.fits = spool_fits,
	.add = spool_add,
	.send = spool_send,
	.receive = spool_receive,
	.free = spool_sink_free,
};
