#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "hub.h"
#include "source.h"
#include "source_stdin.h"
#include "units.h"

#define READ_BYTES 65536

struct source_stdin {
	struct source source; /* first */
	struct hub *hub;
	struct input *in;
	ev_io io;
	size_t len, at;
	bool ended, finished;
	char buf[READ_BYTES];
};

/* Something of the input is lost: it is said, and the exit status will tell. */
static void
lose(struct source_stdin *s, const char *why)
{
	if (hush_says(&s->hub->hush, clock_unix_ms()))
		warnx("standard input, %s; passed over", why);
	s->hub->faulty = true;
	s->hub->counters.input_faults++;
}

static void
lose_event(struct source_stdin *s, const char *why)
{
	char text[160];

	snprintf(text, sizeof(text), "line %llu: %s", input_line(s->in), why);
	lose(s, text);
}

/* Returns what hub_publish() does; events that are faulty are passed over. */
static int
publish(struct source_stdin *s, struct event *ev)
{
	const char *fault;
	int got;

	if (ev->channel.len == 0)
		ev->channel = s->hub->conf->channel;
	if ((fault = hub_event_fault(s->hub, ev)) != NULL) {
		lose_event(s, fault);
		return 0;
	}
	if ((got = hub_publish(s->hub, ev, NULL)) == -1)
		lose_event(s, strerror(errno));
	return got == 1 ? 1 : 0;
}

static void
finish(struct source_stdin *s)
{
	ev_io_stop(s->hub->loop, &s->io);
	s->finished = true;
	if (input_unfinished(s->in))
		lose(s, "it ended within an event");
	shutdown_input(s->hub);
}

/* The next event of what has been read; what input_feed() returns. */
static int
next(struct source_stdin *s, struct event *ev)
{
	size_t used = 0;
	int got = input_feed(s->in, s->buf + s->at, s->len - s->at, &used, ev);

	s->at += used;
	return got == 0 && s->ended ? input_end(s->in, ev) : got;
}

/* Publish what has been read.  Returns 1 when the hub has no more room. */
static int
drain(struct source_stdin *s)
{
	struct event ev;
	int got;

	while ((got = next(s, &ev)) != 0) {
		if (got == -2)
			err(EX_SOFTWARE, "standard input");
		if (got == -1)
			lose(s, input_fault(s->in));
		if (got == 1 && publish(s, &ev) == 1)
			return 1;
	}
	return 0;
}

static void
stdin_resume(struct source *source)
{
	struct source_stdin *s = (struct source_stdin *)source;

	if (s->finished || ev_is_active(&s->io) || !hub_room(s->hub) ||
	    drain(s) == 1)
		return;
	if (s->ended)
		finish(s);
	else
		ev_io_start(s->hub->loop, &s->io);
}

static void
input_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct source_stdin *s = io->data;
	ssize_t n;

	(void)revents;
	if (!hub_room(s->hub)) {
		ev_io_stop(loop, io);
		return;
	}
	n = read(io->fd, s->buf, sizeof(s->buf));
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n == -1)
		warn("standard input");
	s->at = 0;
	s->len = n > 0 ? (size_t)n : 0;
	s->ended = n <= 0;
	if (drain(s) == 1 || !hub_room(s->hub))
		ev_io_stop(loop, io);
	else if (s->ended)
		finish(s);
}

static void
stdin_free(struct source *source)
{
	struct source_stdin *s = (struct source_stdin *)source;

	ev_io_stop(s->hub->loop, &s->io);
	input_free(s->in);
	free(s);
}

static void
stdin_stop(struct source *source)
{
	struct source_stdin *s = (struct source_stdin *)source;

	while (!s->finished && drain(s) == 1)
		;
	stdin_free(source);
}

struct source *
source_stdin_new(struct hub *h)
{
	struct source_stdin *s = calloc(1, sizeof(*s));

	if (s == NULL ||
	    (s->in = input_new(h->conf->format, h->conf->max_event)) == NULL) {
		free(s);
		return NULL;
	}
	s->source = (struct source){ stdin_resume, stdin_stop, stdin_free };
	s->hub = h;
	ev_io_init(&s->io, input_ready, STDIN_FILENO, EV_READ);
	s->io.data = s;
	ev_io_start(h->loop, &s->io);
	return &s->source;
}
