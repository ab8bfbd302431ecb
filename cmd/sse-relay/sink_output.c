#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "interrupt.h"
#include "mark.h"
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
	struct state *state; /* borrowed; NULL: none */
	struct mark next_to; /* the source's mark behind buf */
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
	if (so->state == NULL)
		return SINK_OK;
	/* A signal may have cut it short. */
	if (interrupt_signal() == 0 &&
	    state_set_mark(so->state, mark_text(&so->next_to)) == -1)
		return SINK_FAULT;
	return state_sync(so->state, false) == -1 ? SINK_FAULT : SINK_OK;
}

static bool
output_room(struct sink *k, const struct event *ev)
{
	(void)ev;
	return of(k)->buf.len < OUTPUT_BYTES;
}

static int
output_add(struct sink *k, const struct event *ev, struct sse_text once)
{
	struct sink_output *so = of(k);

	(void)once;
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
output_advance(struct sink *k, struct sse_text mark)
{
	return mark_set(&of(k)->next_to, mark);
}

static struct sse_text
output_done(struct sink *k)
{
	return of(k)->buf.len == 0 ? mark_text(&of(k)->next_to) : TEXT("");
}

static struct sse_text
output_mark(struct sink *k)
{
	return state_mark(of(k)->state);
}

static int
output_wants(struct sink *k, struct pollfd *p)
{
	*p = (struct pollfd){ STDOUT_FILENO, 0, 0 };
	return of(k)->state != NULL ? state_due_ms(of(k)->state) : -1;
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
	return of(k)->state != NULL ? state_fault(of(k)->state)
				    : "standard output";
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
	struct sink_output *so = of(k);

	if (so->state != NULL && state_sync(so->state, true) == -1)
		warnx("%s", state_fault(so->state));
	output_free(so->out);
	sse_buf_free(&so->buf);
	mark_free(&so->next_to);
	free(of(k));
}

static const struct sink_ops ops = {
	.step = output_step,
	.room = output_room,
	.add = output_add,
	.advance = output_advance,
	.done = output_done,
	.mark = output_mark,
	.wants = output_wants,
	.woken = output_woken,
	.settled = output_settled,
	.waiting = output_waiting,
	.say = output_say,
	.status = output_status,
	.free = sink_output_free,
};

struct sink *
sink_output_new(
    struct output *out, const char *url, bool gaps, struct state *state)
{
	struct sink_output *so = calloc(1, sizeof(*so));

	if (so == NULL)
		return NULL;
	so->sink.ops = &ops;
	so->sink.gaps = gaps;
	so->sink.marked = state != NULL;
	so->state = state;
	so->out = out;
	so->ctx.url = text_of(url);
	return &so->sink;
}
