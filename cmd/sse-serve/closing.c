#include "closing.h"
#include "conn.h"
#include "worker_inner.h"

#define CLOSER_S 0.02 /* how often streams are told to end */
#define FORGO_S 1.    /* for a first request, once it is stopping */

/* Those who have not taken the rest by now will not. */
static void
deadline_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = t->data;

	(void)loop;
	(void)revents;
	sweep_all(&w->sweep, conn_kill);
}

static void
forgoer_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = t->data;

	(void)loop;
	(void)revents;
	sweep_all(&w->sweep, conn_forgo);
}

/* The next streams are told to end. */
static void
closer_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = t->data;
	struct conn *c;

	(void)revents;
	for (size_t n = drain_due(&w->closing.drain, ev_now(loop)); n > 0;
	     n--) {
		w->closing.drain.told++;
		if ((c = sweep_step(&w->sweep, &w->closing.told)) != NULL)
			conn_stop(c);
	}
	if (w->closing.drain.told == w->closing.drain.total)
		ev_timer_stop(loop, t);
}

void
closing_begin(struct worker *w)
{
	double limit = (double)w->conf->drain_ms / 1000;

	w->idle_told = false; /* the hub asks anew */
	/* The administration can watch it until the end. */
	for (size_t i = 0; i < w->nacceptors; i++)
		if (!w->acceptors[i].listener->admin)
			acceptor_stop(&w->acceptors[i]);
	w->stopping = true;
	worker_serve(w);
	sweep_all(&w->sweep, conn_hang_up);
	drain_begin(
	    &w->closing.drain, w->sweep.n, w->conf->drain_ms, ev_now(w->loop));
	ev_timer_start(w->loop, &w->closing.closer);
	ev_timer_start(w->loop, &w->closing.forgoer);
	ev_timer_set(&w->closing.deadline, limit, 0.);
	ev_timer_start(w->loop, &w->closing.deadline);
	closer_ready(w->loop, &w->closing.closer, 0);
}

void
closing_open(struct worker *w)
{
	struct closing *c = &w->closing;

	ev_timer_init(&c->closer, closer_ready, CLOSER_S, CLOSER_S);
	ev_timer_init(&c->forgoer, forgoer_ready, FORGO_S, 0.);
	ev_init(&c->deadline, deadline_ready);
	c->closer.data = c->forgoer.data = c->deadline.data = w;
}

void
closing_close(struct worker *w)
{
	struct closing *c = &w->closing;

	ev_timer_stop(w->loop, &c->closer);
	ev_timer_stop(w->loop, &c->forgoer);
	ev_timer_stop(w->loop, &c->deadline);
}
