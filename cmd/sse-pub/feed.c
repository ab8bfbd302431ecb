#include <err.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "feed.h"
#include "units.h"

#define READ_BYTES ((size_t)64 << 10)

enum gathered {
	GATHER_DRY,  /* all that was read is gathered */
	GATHER_FULL, /* the batch holds no more */
	GATHER_FAULT /* the input is malformed: said, and nothing follows */
};

/* The lines from which the events of a batch came. */
struct lines {
	unsigned long long first, last;
};

struct feed {
	const struct feed_conf *conf;
	struct sink *sink;
	struct input *in;
	char *buf;
	size_t used, len; /* of buf: taken by the input, read */
	bool begun;       /* something was read */
	bool ended;       /* nothing more is to be read */
	bool stopped;     /* by stop_fd, not by the end of the input */
	bool drained;     /* the input has nothing left to give */
	bool held;        /* ev is the next event, and not in a batch yet */
	bool any;         /* there was an event */
	char last_byte;   /* of what was read */
	struct event ev;  /* borrows from in and buf */
	bool failed;      /* publishing did */
	int status;       /* 0, or why it ends */
	size_t nsent;     /* batches on their way */
	struct lines sent[SINK_WINDOW_MAX]; /* theirs, the oldest first */
	struct lines next;                  /* of the batch that is gathered */
	unsigned long long done;            /* the last line published */
};

struct feed *
feed_new(const struct feed_conf *conf, struct sink *s)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->conf = conf;
	f->sink = s;
	if ((f->in = input_new(conf->format, conf->max_bytes)) == NULL ||
	    (f->buf = malloc(READ_BYTES)) == NULL) {
		feed_free(f);
		return NULL;
	}
	return f;
}

void
feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	input_free(f->in);
	free(f->buf);
	free(f);
}

static const char *
unit(const struct feed *f)
{
	return f->conf->format == INPUT_NUL || f->conf->format == INPUT_WHOLE
	    ? "record"
	    : "line";
}

/* The input is at fault: nothing after it is read. */
static enum gathered
fault(struct feed *f, int status)
{
	f->status = status;
	f->ended = true;
	return GATHER_FAULT;
}

static enum gathered
event_at_fault(struct feed *f, const char *why)
{
	warnx("%s %llu: %s; nothing from there on is published", unit(f),
	    input_line(f->in), why);
	return fault(f, EX_DATAERR);
}

/* As input_feed(): 1 with f->ev set, 0 when all that was read is taken. */
static int
next_event(struct feed *f)
{
	size_t used;
	int r;

	if (f->used < f->len) {
		r = input_feed(
		    f->in, f->buf + f->used, f->len - f->used, &used, &f->ev);
		f->used += used;
		if (r != 0)
			return r;
	}
	if (!f->ended || !f->begun)
		return 0;
	/* What a signal has cut off is half a line, and not to be published. */
	if (f->drained || (f->stopped && f->conf->format != INPUT_SSE))
		return 0;
	if ((r = input_end(f->in, &f->ev)) == 0)
		f->drained = true;
	return r;
}

/* What stands before the separator is the channel.  False: nothing does. */
static bool
split(struct event *ev, struct sse_text sep)
{
	const char *at = sep.len == 0 || ev->data.len == 0
	    ? NULL
	    : memmem(ev->data.ptr, ev->data.len, sep.ptr, sep.len);
	size_t before;

	if (at == NULL)
		return true;
	before = (size_t)(at - ev->data.ptr);
	ev->channel = (struct sse_text){ ev->data.ptr, before };
	ev->data.ptr = at + sep.len;
	ev->data.len -= before + sep.len;
	return before > 0;
}

/* The time, where it is needed: it is as costly as reading the line. */
static int64_t
now_ms(const struct feed *f)
{
	return f->conf->defaults->expires_in_ms == -1 ? 0 : clock_unix_ms();
}

/* Read the next event and check it; GATHER_FULL says that one is held. */
static enum gathered
hold_event(struct feed *f)
{
	const char *why;

	switch (next_event(f)) {
	case 0:
		return GATHER_DRY;
	case -1:
		warnx("%s; nothing from there on is published",
		    input_fault(f->in));
		return fault(f, EX_DATAERR);
	case -2:
		warn("%s %llu", unit(f), input_line(f->in));
		return fault(f, EX_SOFTWARE);
	}
	f->any = true;
	if (!split(&f->ev, f->conf->split))
		return event_at_fault(
		    f, "there is no channel before the separator");
	defaults_fill(f->conf->defaults, &f->ev, now_ms(f));
	if (f->ev.channel.len == 0)
		return event_at_fault(f, "the event names no channel");
	if ((why = f->conf->fault(&f->ev)) != NULL)
		return event_at_fault(f, why);
	f->held = true;
	return GATHER_FULL;
}

static enum gathered
gather(struct feed *f)
{
	enum gathered g;

	while (f->status == 0) {
		if (!f->held && (g = hold_event(f)) != GATHER_FULL)
			return g;
		if (!sink_fits(f->sink, &f->ev))
			return GATHER_FULL;
		if (f->sink->gathered == 0)
			f->next.first = input_line(f->in);
		f->next.last = input_line(f->in);
		if (sink_add(f->sink, &f->ev, f->conf->once) == -1) {
			warn("%s %llu", unit(f), f->next.last);
			return fault(f, EX_SOFTWARE);
		}
		f->held = false;
	}
	return GATHER_FAULT;
}

/* Say what is not published, and end. */
static void
failed(struct feed *f)
{
	const struct sink *s = f->sink;
	unsigned long long first = f->sent[0].first;
	unsigned long long last = f->sent[f->nsent - 1].last;

	warnx("%s", s->fault);
	if (f->conf->unnumbered)
		warnx("what comes from now on is not published");
	else if (s->unsure && first == last)
		warnx("%s %llu may have been published, what follows it is not",
		    unit(f), first);
	else if (s->unsure)
		warnx("%ss %llu to %llu may have been published, "
		      "what follows them is not",
		    unit(f), first, last);
	else
		warnx("%s %llu and what follows it are not published", unit(f),
		    first);
	f->status = s->status;
	f->failed = true;
}

/* IDs cannot be written: what is on its way is the last. */
static void
untold(struct feed *f)
{
	unsigned long long last = f->done;

	warn("standard output");
	f->status = EX_IOERR;
	if (f->failed)
		return;
	f->failed = true;
	if (f->nsent > 0)
		last = f->sent[f->nsent - 1].last;
	while (f->sink->on_way > 0)
		if (sink_receive(f->sink) == SINK_FAILED) {
			failed(f);
			return;
		}
	warnx("what follows %s %llu is not published", unit(f), last);
}

/* Take note of what is no longer on its way. */
static void
follow(struct feed *f, enum sink_state state)
{
	size_t done = f->nsent - f->sink->on_way;

	if (state == SINK_FAILED && done == f->nsent)
		done--; /* a sink that sends at once has nothing on its way */
	if (done > 0)
		f->done = f->sent[done - 1].last;
	f->nsent -= done;
	memmove(f->sent, f->sent + done, f->nsent * sizeof(f->sent[0]));
	if (state == SINK_FAILED)
		failed(f);
	if (sink_tell_ids(f->sink) == -1)
		untold(f);
}

static void
send_batch(struct feed *f)
{
	f->sent[f->nsent++] = f->next;
	follow(f, sink_send(f->sink));
}

static void
read_input(struct feed *f)
{
	ssize_t n = read(f->conf->fd, f->buf, READ_BYTES);

	if (n == -1) {
		if (errno == EINTR || errno == EAGAIN)
			return;
		warn("standard input");
		f->status = EX_IOERR;
	}
	f->used = 0;
	f->len = n > 0 ? (size_t)n : 0;
	f->ended = n <= 0;
	if (n > 0) {
		f->begun = true;
		f->last_byte = f->buf[n - 1];
	}
}

/* Milliseconds until the batch on its way has to be answered; -1: none is. */
static int
patience(const struct feed *f)
{
	int64_t left_ms = f->sink->deadline_ms - clock_mono_ms();

	if (f->nsent == 0)
		return -1;
	if (left_ms > INT_MAX)
		return INT_MAX;
	return left_ms > 0 ? (int)left_ms : 0;
}

/* Wait for input when it is wanted, for the answer, or to be stopped. */
static void
wait_for(struct feed *f, bool want_input)
{
	struct pollfd p[] = {
		{ .fd = want_input ? f->conf->fd : -1, .events = POLLIN },
		{ .fd = f->nsent > 0 ? f->sink->fd : -1, .events = POLLIN },
		{ .fd = f->stopped ? -1 : f->conf->stop_fd, .events = POLLIN },
	};
	int n;

	if (!want_input && f->nsent == 0)
		return;
	n = poll(p, sizeof(p) / sizeof(p[0]), patience(f));
	if (n == -1 && errno != EINTR)
		err(EX_SOFTWARE, "poll");
	if (n == -1)
		return;
	if (p[2].revents != 0)
		f->stopped = f->ended = true;
	if (f->nsent > 0 && (n == 0 || p[1].revents != 0))
		follow(f, sink_receive(f->sink));
	if (p[0].revents != 0 && !f->ended)
		read_input(f);
}

/* Was the reading ended within a line, or the stream within an event? */
static bool
cut_off(struct feed *f)
{
	switch (f->conf->format) {
	case INPUT_SSE:
		return input_unfinished(f->in);
	case INPUT_WHOLE:
		return f->stopped && f->begun;
	case INPUT_NUL:
		return f->stopped && f->begun && f->last_byte != '\0';
	default:
		return f->stopped && f->begun && f->last_byte != '\n';
	}
}

static int
finish(struct feed *f)
{
	if (f->status != 0)
		return f->status;
	if (cut_off(f)) {
		warnx("the input ends within %s, which is not published",
		    f->conf->format == INPUT_LINE ? "a line" : "an event");
		return EX_DATAERR;
	}
	if (f->any || f->stopped)
		return EX_OK;
	warnx("no event on standard input");
	return EX_NOINPUT;
}

/*
 * Is the batch that is gathered to leave?  When nothing is on its way, at once;
 * else it grows until it is full, or until there is nothing to wait for.
 */
static bool
due(const struct feed *f, enum gathered g)
{
	return f->sink->gathered > 0 && sink_open(f->sink) &&
	    (f->nsent == 0 || g == GATHER_FULL);
}

int
feed_run(struct feed *f)
{
	enum gathered g;

	for (;;) {
		g = gather(f);
		if (due(f, g))
			send_batch(f);
		else if (f->ended && g != GATHER_FULL && f->nsent == 0 &&
		    f->sink->gathered == 0)
			break;
		else
			wait_for(f, g == GATHER_DRY && !f->ended);
		if (f->failed)
			break;
	}
	return finish(f);
}
