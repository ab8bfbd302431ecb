#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "sink.h"

void
sink_init(struct sink *s, const struct sink_ops *ops, int64_t timeout_ms)
{
	s->ops = ops;
	s->timeout_ms = timeout_ms;
	s->batch_max = SINK_BATCH_EVENTS;
	s->window = 1;
	s->fd = -1;
	s->reached = UINT64_MAX;
}

bool
sink_fits(const struct sink *s, const struct event *ev)
{
	return s->gathered == 0 ||
	    (s->gathered < s->batch_max && s->ops->fits(s, ev));
}

int
sink_add(struct sink *s, const struct event *ev, struct sse_text once)
{
	if (s->ops->add(s, ev, once) == -1)
		return -1;
	s->gathered++;
	return 0;
}

bool
sink_open(const struct sink *s)
{
	return s->on_way < s->window;
}

enum sink_state
sink_state(const struct sink *s)
{
	return s->on_way > 0 ? SINK_SENT : SINK_READY;
}

enum sink_state
sink_send(struct sink *s)
{
	return s->ops->send(s);
}

enum sink_state
sink_receive(struct sink *s)
{
	return s->ops->receive(s);
}

enum sink_state
sink_finish(struct sink *s)
{
	enum sink_state state = sink_state(s);

	while (state == SINK_SENT && !sink_open(s))
		state = sink_receive(s);
	if (state != SINK_FAILED && s->gathered > 0)
		state = sink_send(s);
	while (state == SINK_SENT)
		state = sink_receive(s);
	return state;
}

void
sink_free(struct sink *s)
{
	if (s == NULL)
		return;
	sse_buf_free(&s->ids);
	s->ops->free(s);
}

/* One write, however long it takes.  0 when it was interrupted. */
static ssize_t
write_out(const char *p, size_t len)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	ssize_t n = write(STDOUT_FILENO, p, len);

	if (n == -1 && errno == EAGAIN) {
		(void)poll(&out, 1, -1); /* another made it non-blocking */
		return 0;
	}
	return n == -1 && errno == EINTR ? 0 : n;
}

int
sink_tell_ids(struct sink *s)
{
	size_t done = 0;
	ssize_t n;

	while (done < s->ids.len) {
		n = write_out(s->ids.ptr + done, s->ids.len - done);
		if (n == -1) {
			s->tell = false;
			s->ids.len = 0;
			return errno == EPIPE ? 0 : -1;
		}
		done += (size_t)n;
	}
	s->ids.len = 0;
	return 0;
}

int
sink_minted(struct sink *s, struct sse_text id)
{
	if (!s->tell)
		return 0;
	if (sse_buf_reserve(&s->ids, id.len + 1) == -1)
		return -1;
	(void)sse_buf_append(&s->ids, id.ptr, id.len);
	return sse_buf_append(&s->ids, "\n", 1);
}

void
sink_refused(struct sink *s, size_t n, struct sse_text why)
{
	warnx("%.*s: %zu event%s not published", (int)why.len, why.ptr, n,
	    n == 1 ? " for it is" : "s for it are");
	s->refused += n;
}

void
sink_reached(struct sink *s, long long n)
{
	if (n >= 0 && (uint64_t)n < s->reached)
		s->reached = (uint64_t)n;
}

enum sink_state
sink_fail(struct sink *s, int status, bool unsure, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->fault, sizeof(s->fault), fmt, ap);
	va_end(ap);
	s->status = status;
	s->unsure = unsure;
	return SINK_FAILED;
}
