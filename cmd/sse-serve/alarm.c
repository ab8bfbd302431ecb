#include "alarm.h"
#include "conn.h"
#include "worker.h"

#define EXACT_MS 250 /* how exact deadlines are */

/* Milliseconds from now to the first deadline; below 0: there is none. */
static int64_t
deadline_in(const struct worker *w, int64_t now_ms)
{
	double hurry = sweep_deadline(&w->sweep);
	/* What the access log or the hub did not take is tried again. */
	int64_t first[] = { hurry < 0 ? -1 : (int64_t)(hurry * 1000),
		guests_end_ms(&w->guests), hush_due_ms(&w->witness.hush),
		w->witness.lines.buf.len > 0 || w->out.n > 0 ? now_ms : -1 };
	int64_t in = -1;

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		/* One more, for two clocks are not rounded alike. */
		int64_t left = first[i] > now_ms ? first[i] - now_ms + 1 : 0;

		if (first[i] >= 0 && (in == -1 || left < in))
			in = left;
	}
	return in;
}

/* When something is due next, as clock_mono_ms() has it; -1: nothing is. */
static int64_t
next_due_ms(struct worker *w)
{
	int64_t in = deadline_in(w, worker_era(w)->now_ms);
	int64_t slot = sweep_due_ms(&w->sweep), due = -1;

	if (in >= 0) {
		due = w->now_ms + in;
		/* Many that are close to each other are one. */
		if (due < w->alarm.rung_ms + EXACT_MS)
			due = w->alarm.rung_ms + EXACT_MS;
	}
	if (slot >= 0 && (due == -1 || slot < due))
		due = slot;
	return due;
}

void
alarm_set(struct worker *w)
{
	int64_t due = next_due_ms(w);

	if (due == w->alarm.at_ms && ev_is_active(&w->alarm.timer))
		return;
	ev_timer_stop(w->loop, &w->alarm.timer);
	w->alarm.at_ms = due;
	if (due == -1)
		return;
	ev_timer_set(&w->alarm.timer,
	    due > w->now_ms ? (double)(due - w->now_ms) / 1000 : 0., 0.);
	ev_timer_start(w->loop, &w->alarm.timer);
}

static void
alarm_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = t->data;
	struct conn *c;

	(void)revents;
	sweep_due(&w->sweep, conn_sweep);
	while ((c = sweep_late(&w->sweep, ev_now(loop))) != NULL)
		conn_late(c);
	while ((c = guests_over(&w->guests, worker_era(w)->now_ms)) != NULL)
		conn_over(c);
	hush_tell(&w->witness.hush, w->era.now_ms);
	w->alarm.rung_ms = w->now_ms;
}

void
alarm_open(struct worker *w)
{
	ev_init(&w->alarm.timer, alarm_ready);
	w->alarm.timer.data = w;
}

void
alarm_close(struct worker *w)
{
	ev_timer_stop(w->loop, &w->alarm.timer);
}
