#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "hub.h"
#include "source.h"
#include "source_capture.h"
#include "units.h"

#define READ_BYTES 65536
#define TIME_MAX_MS INT64_C(1000000000000)

struct source_capture {
	struct source source; /* first */
	struct hub *hub;
	struct sse_decoder *decoder;
	const struct sse_event *block; /* whose time is awaited, or NULL */
	ev_timer due;
	int64_t begun_ms; /* -1: not yet */
	int64_t at_ms;    /* when the block had come */
	unsigned long long blocks;
	int fd;
	size_t len, at;
	bool finished;
	char buf[READ_BYTES];
};

int64_t
capture_time_ms(struct sse_text t)
{
	int64_t ms = 0, unit = 1000;
	size_t i = 0, digits = 0;

	while (i < t.len && t.ptr[i] == ' ')
		i++;
	if (i == t.len || t.ptr[i++] != '+')
		return -1;
	for (; i < t.len && t.ptr[i] >= '0' && t.ptr[i] <= '9'; i++, digits++)
		if ((ms = ms * 10 + INT64_C(1000) * (t.ptr[i] - '0')) >
		    TIME_MAX_MS)
			return -1;
	if (digits > 0 && i < t.len && t.ptr[i] == '.')
		for (i++; i < t.len && t.ptr[i] >= '0' && t.ptr[i] <= '9'; i++)
			ms += (t.ptr[i] - '0') * (unit /= 10);
	return digits > 0 && i + 1 == t.len && t.ptr[i] == 's' ? ms : -1;
}

static void
lose(struct source_capture *s, const char *why)
{
	warnx("%s, event %llu: %s; passed over", s->hub->conf->replay,
	    s->blocks, why);
	s->hub->faulty = true;
	s->hub->counters.input_faults++;
}

/* Returns 1 with bytes to decode, 0 at the end. */
static int
refill(struct source_capture *s)
{
	ssize_t n;

	while (
	    (n = read(s->fd, s->buf, sizeof(s->buf))) == -1 && errno == EINTR)
		;
	if (n == -1)
		warn("%s", s->hub->conf->replay);
	s->at = 0;
	s->len = n > 0 ? (size_t)n : 0;
	return s->len > 0;
}

/* The last time that the block bears is when it had come. */
static void
read_time(struct source_capture *s)
{
	struct sse_field field;
	size_t iter = 0;
	int64_t ms;

	while (sse_decoder_field(s->decoder, &iter, &field) == 1)
		if (field.name.len == 0 &&
		    (ms = capture_time_ms(field.value)) >= 0)
			s->at_ms = ms;
}

/*
 * The next block that is an event.  Returns 1 with s->block set, 0 when what was
 * read has none, -1 at the end.
 */
static int
next_block(struct source_capture *s)
{
	size_t used;
	int got;

	if (s->at == s->len && !refill(s))
		return -1;
	while (s->at < s->len) {
		const struct sse_event *block;

		got = sse_decoder_feed(
		    s->decoder, s->buf + s->at, s->len - s->at, &used, &block);
		s->at += used;
		if (got == -1 && errno == ENOMEM)
			err(EX_SOFTWARE, "%s", s->hub->conf->replay);
		if (got == -1)
			lose(s, "it is too large");
		if (got <= 0)
			continue;
		s->blocks++;
		read_time(s);
		if (got == 1) {
			s->block = block;
			return 1;
		}
	}
	return 0;
}

/* Returns what hub_publish() does; an event that is faulty is passed over. */
static int
publish(struct source_capture *s)
{
	const char *fault, *what;
	struct event ev;
	int got;

	if (event_decode(&ev, s->decoder, s->block, &what) == -1) {
		lose(s, "a field is malformed");
		return 0;
	}
	/* What its server said of itself is not of this one. */
	if (ev.type.len >= 4 && memcmp(ev.type.ptr, "sse:", 4) == 0)
		return 0;
	if (ev.channel.len == 0)
		ev.channel = s->hub->conf->channel;
	if ((fault = hub_event_fault(s->hub, &ev)) != NULL) {
		lose(s, fault);
		return 0;
	}
	s->hub->counters.events[FROM_INPUT]++;
	if ((got = hub_publish(s->hub, &ev, NULL)) == -1)
		lose(s, strerror(errno));
	return got;
}

static void
finish(struct source_capture *s)
{
	s->finished = true;
	ev_timer_stop(s->hub->loop, &s->due);
	/* A file that was never a capture is not played in silence. */
	if (s->hub->counters.events[FROM_INPUT] == 0 && !s->hub->faulty)
		warnx("%s: there is no event in it", s->hub->conf->replay);
	shutdown_input(s->hub);
}

/* Seconds until the block's time has come. */
static double
wait_s(const struct source_capture *s)
{
	double ms = (double)s->at_ms / s->hub->conf->speed;

	return (ms - (double)(clock_mono_ms() - s->begun_ms)) / 1000;
}

static void
again(struct source_capture *s, double after_s)
{
	ev_timer_stop(s->hub->loop, &s->due);
	ev_timer_set(&s->due, after_s > 0 ? after_s : 0., 0.);
	ev_timer_start(s->hub->loop, &s->due);
}

/* Publish what is due, of what has been read; others get their turn then. */
static void
play(struct source_capture *s)
{
	int got;

	while (!s->finished && hub_room(s->hub)) {
		double wait;

		if (s->block == NULL && (got = next_block(s)) != 1) {
			if (got == -1)
				finish(s);
			else
				again(s, 0.);
			return;
		}
		if ((wait = wait_s(s)) > 0) {
			again(s, wait);
			return;
		}
		got = publish(s);
		s->block = NULL;
		if (got == 1)
			return;
	}
}

static void
due_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct source_capture *s = t->data;

	(void)loop;
	(void)revents;
	if (s->begun_ms == -1)
		s->begun_ms = clock_mono_ms();
	play(s);
}

static void
capture_resume(struct source *source)
{
	struct source_capture *s = (struct source_capture *)source;

	/* Unless it waits for its time, or its turn. */
	if (!ev_is_active(&s->due))
		play(s);
}

static void
capture_free(struct source *source)
{
	struct source_capture *s = (struct source_capture *)source;

	ev_timer_stop(s->hub->loop, &s->due);
	sse_decoder_free(s->decoder);
	if (s->fd != -1)
		(void)close(s->fd);
	free(s);
}

/* -1 with errno. */
static int
open_file(struct source_capture *s)
{
	struct stat st;

	s->fd = open(s->hub->conf->replay, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (s->fd == -1 || fstat(s->fd, &st) == -1)
		return -1;
	if (S_ISREG(st.st_mode))
		return 0;
	errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	return -1;
}

struct source *
source_capture_new(struct hub *h, int *status)
{
	struct source_capture *s = calloc(1, sizeof(*s));

	*status = EX_SOFTWARE;
	if (s == NULL)
		return NULL;
	s->source = (struct source){ capture_resume, capture_free,
		capture_free };
	s->hub = h;
	s->begun_ms = -1;
	ev_init(&s->due, due_ready);
	s->due.data = s;
	if (open_file(s) == -1) {
		warn("%s", h->conf->replay);
		*status = EX_NOINPUT;
	} else if ((s->decoder = sse_decoder_new(h->conf->max_event)) != NULL) {
		sse_decoder_ask(s->decoder,
		    SSE_ASK_FIELDS | SSE_ASK_COMMENTS | SSE_ASK_BLOCKS);
		again(s, 0.);
		return &s->source;
	}
	capture_free(&s->source);
	return NULL;
}
