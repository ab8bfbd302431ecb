#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "gap.h"
#include "source.h"

#define READ_BYTES ((size_t)65536)

struct source_input {
	struct source source;
	struct input *in;
	char *buf;
	size_t len;   /* bytes in buf */
	size_t used;  /* of which were read as events */
	bool ended;   /* no more comes behind buf */
	bool stopped; /* nothing is to be read any more */
	int status;
	char say[256];
};

static struct source_input *
of(struct source *s)
{
	return (struct source_input *)(void *)s;
}

static enum source_what
fault(struct source_input *si, int status, const char *why)
{
	si->status = status;
	snprintf(si->say, sizeof(si->say), "standard input: %s", why);
	return SOURCE_FAULT;
}

/* Readiness is asked for, as the descriptor stays as it was inherited. */
static enum source_what
fill(struct source_input *si)
{
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
	ssize_t n;

	if (poll(&p, 1, 0) <= 0)
		return SOURCE_WAIT;
	if ((n = read(STDIN_FILENO, si->buf, READ_BYTES)) == -1)
		return errno == EINTR || errno == EAGAIN
		    ? SOURCE_WAIT
		    : fault(si, EX_IOERR, strerror(errno));
	si->len = (size_t)n;
	si->used = 0;
	si->ended = n == 0;
	return SOURCE_EVENT;
}

static enum source_what
event(struct source_input *si, const struct event *ev)
{
	if (!gap_is(ev))
		return SOURCE_EVENT;
	gap_say(ev, "standard input", si->say, sizeof(si->say));
	return SOURCE_GAP;
}

static enum source_what
ended(struct source_input *si, struct event *ev)
{
	switch (input_end(si->in, ev)) {
	case 1:
		return event(si, ev);
	case 0:
		break;
	case -1:
		return fault(si, EX_DATAERR, input_fault(si->in));
	default:
		return fault(si, EX_SOFTWARE, strerror(errno));
	}
	if (input_unfinished(si->in))
		return fault(si, EX_DATAERR,
		    "it ends within an event, which is dropped");
	return SOURCE_END;
}

static enum source_what
input_next(struct source *s, struct event *ev)
{
	struct source_input *si = of(s);

	for (;;) {
		enum source_what what;
		size_t used;
		int rc;

		if (si->ended)
			return ended(si, ev);
		rc = input_feed(
		    si->in, si->buf + si->used, si->len - si->used, &used, ev);
		si->used += used;
		if (rc == 1)
			return event(si, ev);
		if (rc == -1)
			return fault(si, EX_DATAERR, input_fault(si->in));
		if (rc == -2)
			return fault(si, EX_SOFTWARE, strerror(errno));
		/* A line that is half there is none that was read. */
		if (si->stopped)
			return SOURCE_END;
		if ((what = fill(si)) != SOURCE_EVENT)
			return what;
	}
}

static int
input_wait(
    struct source *s, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	struct pollfd p[8] = { { STDIN_FILENO, POLLIN, 0 } };
	int rc;

	(void)s;
	if (n > 7)
		n = 7;
	memcpy(p + 1, extra, n * sizeof(*p));
	rc = poll(p, n + 1, timeout_ms);
	memcpy(extra, p + 1, n * sizeof(*p));
	return rc;
}

static void
input_stop(struct source *s)
{
	of(s)->stopped = true;
}

static const char *
input_say(struct source *s)
{
	return of(s)->say;
}

static const char *
input_where(struct source *s)
{
	struct source_input *si = of(s);

	snprintf(si->say, sizeof(si->say), "standard input: line %llu",
	    input_line(si->in));
	return si->say;
}

static int
input_status(struct source *s)
{
	return of(s)->status;
}

static void
input_source_free(struct source *s)
{
	struct source_input *si = of(s);

	input_free(si->in);
	free(si->buf);
	free(si);
}

static const struct source_ops ops = {
	.next = input_next,
	.wait = input_wait,
	.stop = input_stop,
	.say = input_say,
	.where = input_where,
	.status = input_status,
	.free = input_source_free,
};

struct source *
source_input_new(enum input_format format, size_t max_bytes)
{
	struct source_input *si = calloc(1, sizeof(*si));

	if (si == NULL)
		return NULL;
	si->source.ops = &ops;
	if ((si->in = input_new(format, max_bytes)) == NULL ||
	    (si->buf = malloc(READ_BYTES)) == NULL) {
		input_source_free(&si->source);
		return NULL;
	}
	return &si->source;
}
