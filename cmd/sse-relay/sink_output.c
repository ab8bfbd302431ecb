#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "sink.h"
#include "stdout.h"
#include "units.h"

#define OUTPUT_BYTES ((size_t)65536)

struct sink_output {
	struct sink sink;
	struct output *out;
	struct output_context ctx;
	struct sse_buf buf;
	size_t waiting;
};

static struct sink_output *
of(struct sink *k)
{
	return (struct sink_output *)(void *)k;
}

static enum sink_what
output_step(struct sink *k)
{
	struct sink_output *so = of(k);

	if (so->buf.len > 0)
		stdout_write(so->buf.ptr, so->buf.len, NULL, NULL);
	so->buf.len = 0;
	so->waiting = 0;
	return SINK_OK;
}

static bool
output_room(struct sink *k, const struct event *ev)
{
	(void)ev;
	return of(k)->buf.len < OUTPUT_BYTES;
}

static int
output_add(struct sink *k, const struct event *ev)
{
	struct sink_output *so = of(k);

	so->ctx.count++;
	so->ctx.now_ms = clock_unix_ms();
	/* EINVAL: it is none in an event stream, for it has nothing to say. */
	if (output_event(so->out, &so->buf, ev, &so->ctx) == -1 &&
	    errno != EINVAL)
		return -1;
	so->waiting++;
	return 0;
}

static int
output_wants(struct sink *k, struct pollfd *p)
{
	(void)k;
	*p = (struct pollfd){ STDOUT_FILENO, 0, 0 };
	return -1;
}

/* Nobody will read what comes: that is the end, and no fault. */
static void
output_woken(struct sink *k, short revents)
{
	(void)k;
	if (stdout_has_gone(revents))
		exit(EX_OK);
}

static bool
output_settled(struct sink *k)
{
	return of(k)->buf.len == 0;
}

static size_t
output_waiting(struct sink *k)
{
	return of(k)->waiting;
}

static const char *
output_say(struct sink *k)
{
	(void)k;
	return "standard output";
}

static int
output_status(struct sink *k)
{
	(void)k;
	return EX_IOERR;
}

static void
sink_output_free(struct sink *k)
{
	output_free(of(k)->out);
	sse_buf_free(&of(k)->buf);
	free(of(k));
}

static const struct sink_ops ops = {
	.step = output_step,
	.room = output_room,
	.add = output_add,
	.wants = output_wants,
	.woken = output_woken,
	.settled = output_settled,
	.waiting = output_waiting,
	.say = output_say,
	.status = output_status,
	.free = sink_output_free,
};

struct sink *
sink_output_new(struct output *out, const char *url)
{
	struct sink_output *so = calloc(1, sizeof(*so));

	if (so == NULL)
		return NULL;
	so->sink.ops = &ops;
	so->out = out;
	so->ctx.url = text_of(url);
	return &so->sink;
}
