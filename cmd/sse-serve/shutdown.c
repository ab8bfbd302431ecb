#include <err.h>
#include <sysexits.h>

#include "hub_inner.h"
#include "journal.h"
#include "shutdown.h"
#include "source.h"
#include "source_redis.h"
#include "tell.h"

static bool
all_idle(const struct hub *h)
{
	for (unsigned int i = 0; i < h->nports; i++)
		if (!h->ports[i].idle)
			return false;
	return true;
}

void
shutdown_now(struct hub *h)
{
	tell_all(h, NOTICE_LEAVE);
	tell_flush(h);
	ev_break(h->loop, EVBREAK_ALL);
}

/* It may end once the workers have, and all is in Redis that was read. */
void
shutdown_if_done(struct hub *h)
{
	if (h->shutdown.stopping && all_idle(h) &&
	    (h->redis == NULL || source_redis_pending(h->redis) == 0))
		shutdown_now(h);
}

void
shutdown_begin(struct hub *h)
{
	if (h->shutdown.stopping)
		return;
	service_stopping(&h->service);
	source_stop(h->input);
	h->input = NULL;
	h->shutdown.stopping = true;
	(void)hub_commit(h);
	ev_timer_set(
	    &h->shutdown.deadline, (double)h->conf->drain_ms / 1000 + 1, 0.);
	ev_timer_start(h->loop, &h->shutdown.deadline);
	for (unsigned int i = 0; i < h->nports; i++)
		h->ports[i].idle = false;
	tell_all(h, NOTICE_STOP);
}

void
shutdown_fail(struct hub *h, int status)
{
	h->shutdown.status = status;
	shutdown_begin(h);
}

void
shutdown_idle(struct hub *h, unsigned int worker)
{
	h->ports[worker].idle = true;
	if (!all_idle(h))
		return;
	if (h->shutdown.stopping)
		shutdown_if_done(h);
	else if (h->shutdown.ended && !ev_is_active(&h->shutdown.linger))
		shutdown_begin(h);
}

static void
linger_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct hub *h = t->data;

	(void)loop;
	(void)revents;
	if (all_idle(h))
		shutdown_begin(h);
}

static void
deadline_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct hub *h = t->data;

	(void)loop;
	(void)revents;
	shutdown_now(h);
}

void
shutdown_input(struct hub *h)
{
	if (h->shutdown.ended || !h->conf->exit_on_eof)
		return;
	h->shutdown.input_ended = true;
	/* What is on its way to Redis has to come back first. */
	if (h->redis != NULL && !source_redis_settled(h->redis))
		return;
	if (!hub_commit(h))
		return;
	h->shutdown.ended = true;
	if (h->faulty)
		h->shutdown.status = EX_DATAERR;
	tell_all(h, NOTICE_END);
	ev_timer_set(
	    &h->shutdown.linger, (double)h->conf->linger_ms / 1000, 0.);
	ev_timer_start(h->loop, &h->shutdown.linger);
}

/* What Redis or the journal would not take is lost, and said to be. */
int
shutdown_report(const struct hub *h)
{
	size_t n = h->redis == NULL ? 0 : source_redis_pending(h->redis);
	size_t unwritten = h->journal == NULL ? 0 : journal_pending(h->journal);

	if (n > 0)
		warnx("%zu events were read and not published: %s did not "
		      "answer",
		    n, h->conf->redis.shown);
	if (unwritten > 0)
		warnx("%zu events were read and not published: %s", unwritten,
		    journal_trouble(h->journal));
	if (h->shutdown.status != 0 || n + unwritten == 0)
		return h->shutdown.status;
	return n > 0 ? EX_TEMPFAIL : EX_IOERR;
}

void
shutdown_open(struct hub *h)
{
	struct shutdown *s = &h->shutdown;

	ev_init(&s->linger, linger_ready);
	ev_init(&s->deadline, deadline_ready);
	s->linger.data = s->deadline.data = h;
}
