#include <signal.h>
#include <stdio.h>

#include "hub.h"
#include "notify.h"
#include "service.h"

/* Who sits before it wants it gone. */
static void
break_ready(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct service *s = w->data;

	(void)loop;
	(void)revents;
	s->signum = w->signum;
	shutdown_now(s->hub);
}

static void
stop_ready(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct service *s = w->data;

	(void)revents;
	/* From here on another one ends the program at once. */
	ev_signal_stop(loop, &s->sigint);
	ev_signal_stop(loop, &s->sigterm);
	shutdown_begin(s->hub);
}

static void
reload_ready(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct service *s = w->data;
	char state[NOTIFY_LEN];

	(void)loop;
	(void)revents;
	notify_send(notify_reloading(state));
	hub_reload(s->hub);
	notify_send("READY=1");
}

static void
watchdog_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct service *s = t->data;

	(void)loop;
	(void)revents;
	if (!s->pulse && hub_pulse(s->hub) == 0)
		s->pulse = true;
}

void
service_beat(struct service *s)
{
	s->pulse = false;
	notify_send("WATCHDOG=1");
}

/* It may take as long as it drains, whatever the manager is used to. */
void
service_stopping(const struct service *s)
{
	char state[NOTIFY_LEN];

	snprintf(state, sizeof(state), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld",
	    (long long)(s->hub->conf->drain_ms + 10000) * 1000);
	notify_send(state);
}

void
service_open(struct service *s, struct hub *h)
{
	double every = (double)notify_watchdog_ms() / 1000 / 2;
	bool terminal = h->conf->terminal;

	s->hub = h;
	ev_signal_init(&s->sigint, terminal ? break_ready : stop_ready, SIGINT);
	ev_signal_init(&s->sigterm, stop_ready, SIGTERM);
	ev_signal_init(
	    &s->sighup, terminal ? break_ready : reload_ready, SIGHUP);
	ev_timer_init(&s->watchdog, watchdog_ready, every, every);
	s->sigint.data = s->sigterm.data = s->sighup.data = s;
	s->watchdog.data = s;
	ev_signal_start(h->loop, &s->sigint);
	ev_signal_start(h->loop, &s->sigterm);
	ev_signal_start(h->loop, &s->sighup);
	if (every > 0)
		ev_timer_start(h->loop, &s->watchdog);
}
