#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "admission.h"
#include "conn.h"
#include "hub.h"
#include "stream.h"
#include "survey.h"
#include "tuning.h"
#include "units.h"
#include "upkeep.h"
#include "worker_inner.h"

#define INBOX_MIN ((size_t)64 << 10)
#define EXACT_MS 250  /* how exact deadlines are */
#define CLOSER_S 0.02 /* how often streams are told to end */
#define FORGO_S 1.    /* for a first request, once it is stopping */

void
worker_closed(struct worker *w)
{
	atomic_fetch_sub(&w->tally->connections, 1);
	for (size_t i = 0; i < w->nacceptors; i++)
		acceptor_resume(&w->acceptors[i]);
}

/* Late is what had to wait, not what was asked for again. */
static void
count_lag(struct worker *w, const struct delivery *d)
{
	int64_t ms = w->era.now_ms - (int64_t)d->oldest.ms;

	if (d->late && !place_is_zero(d->oldest))
		delays_add(&w->counters.lag, ms > 0 ? (uint64_t)ms * 1000 : 0);
}

void
worker_delivered(struct worker *w, const struct delivery *d)
{
	w->counters.bytes_out += d->bytes;
	w->counters.deliveries += d->events;
	w->counters.gaps += d->gaps;
	count_lag(w, d);
}

const struct era *
worker_era(struct worker *w)
{
	w->era.now_ms = (int64_t)(ev_now(w->loop) * 1000);
	return &w->era;
}

void
worker_tell(struct worker *w, const struct notice *n)
{
	struct notice mine = *n;

	mine.worker = w->id;
	/* The hub would not know what is awaited of it. */
	if (notices_add(&w->out, &mine) == -1)
		err(EX_SOFTWARE, "notices");
}

struct channel *
worker_channel(struct worker *w, struct sse_text name)
{
	struct channel *ch = channel_find(&w->channels, name);
	struct retention keep;
	struct sse_text copy;

	if (ch != NULL || (ch = channel_get(&w->channels, name)) == NULL)
		return ch;
	keep = retention_of(&w->conf->retentions, name);
	ch->age_ms = keep.age_ms;
	ch->keep = keep.count;
	if ((copy = name_dup(name)).ptr == NULL) {
		channel_free(&w->channels, ch);
		return NULL;
	}
	worker_tell(w, &(struct notice){ .what = NOTICE_ATTACH, .name = copy });
	return ch;
}

void
worker_release(struct worker *w, struct channel *ch)
{
	struct sse_text copy;

	if (ch->naudiences > 0)
		return;
	copy = name_dup(ch->named.name);
	if (copy.ptr == NULL)
		return; /* it stays attached, which costs memory only */
	channel_free(&w->channels, ch);
	worker_tell(w, &(struct notice){ .what = NOTICE_DETACH, .name = copy });
}

void
worker_serve_channel(struct worker *w, struct channel *ch)
{
	char copy[CHANNEL_MAX];
	struct sse_text name = { copy, ch->named.name.len };

	memcpy(copy, ch->named.name.ptr, ch->named.name.len);
	if (ch->page != NULL)
		ch->page->needed = false;
	channel_each(ch, conn_wake, ch->nraw > 0 ? ch : NULL);
	/* With its last subscriber the channel itself goes. */
	if ((ch = channel_find(&w->channels, name)) == NULL)
		return;
	if (ch->page != NULL && !ch->page->needed)
		channel_drop_page(ch);
	channel_served(ch, w->era.horizon);
	if (place_cmp(replay_last(&ch->log), w->era.horizon) > 0)
		channel_mark(&w->channels, ch);
}

void
worker_serve(struct worker *w)
{
	struct channel *ch;
	size_t n = 0;

	TAILQ_FOREACH(ch, &w->channels.dirty, by_dirt)
		n++;
	while (n-- > 0 && (ch = channel_next_dirty(&w->channels)) != NULL)
		worker_serve_channel(w, ch);
}

static void
ask_page(struct worker *w, enum notice_what what, const struct channel *ch,
    struct place p)
{
	struct sse_text name = name_dup(ch->named.name);

	if (name.ptr == NULL)
		err(EX_SOFTWARE, "notices");
	worker_tell(w,
	    &(struct notice){ .what = what,
		.name = name,
		.place = p,
		.drop = ch->log.dropped });
}

/* Ask for the pages that readers wait for, of a channel one at a time. */
static void
tell_wishes(struct worker *w)
{
	struct channel *ch;
	struct place p;

	while ((ch = channel_next_wish(&w->channels, &p)) != NULL)
		ask_page(w, NOTICE_PAGE, ch, p);
	while ((ch = channel_next_wish_back(&w->channels, &p)) != NULL)
		ask_page(w, NOTICE_BACK, ch, p);
}

/* How far everyone is: where those are who are behind, else the horizon. */
static void
tell_settled(struct worker *w)
{
	struct place slowest = w->era.horizon, cursor;

	for (size_t i = 0; i < SWEEP_SLOTS; i++)
		for (uint32_t j = 0; j < w->sweep.slots[i].n; j++)
			if (conn_behind(w->sweep.slots[i].v[j], &cursor) &&
			    place_cmp(cursor, slowest) < 0)
				slowest = cursor;
	if (place_cmp(slowest, w->settled) <= 0)
		return;
	w->settled = slowest;
	worker_tell(
	    w, &(struct notice){ .what = NOTICE_SLOWEST, .place = slowest });
}

static void
tell_idle(struct worker *w)
{
	if ((!w->ended && !w->stopping) || w->sweep.n > 0) {
		w->idle_told = false;
		return;
	}
	if (!w->idle_told)
		worker_tell(w, &(struct notice){ .what = NOTICE_IDLE });
	w->idle_told = true;
}

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
		if (due < w->rung_ms + EXACT_MS)
			due = w->rung_ms + EXACT_MS;
	}
	if (slot >= 0 && (due == -1 || slot < due))
		due = slot;
	return due;
}

/* With nothing due the loop sleeps until it is woken. */
static void
set_alarm(struct worker *w)
{
	int64_t due = next_due_ms(w);

	if (due == w->alarm_ms && ev_is_active(&w->alarm))
		return;
	ev_timer_stop(w->loop, &w->alarm);
	w->alarm_ms = due;
	if (due == -1)
		return;
	ev_timer_set(&w->alarm,
	    due > w->now_ms ? (double)(due - w->now_ms) / 1000 : 0., 0.);
	ev_timer_start(w->loop, &w->alarm);
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
	w->rung_ms = w->now_ms;
}

/* The loop has waited: see how late it is, before all else. */
static void
wake_ready(struct ev_loop *loop, ev_check *check, int revents)
{
	struct worker *w = check->data;

	(void)loop;
	(void)revents;
	w->now_ms = clock_mono_ms();
	sweep_set_time(&w->sweep, w->now_ms);
}

static void
flush(struct worker *w)
{
	if (w->conf->lag == LAG_WAIT)
		tell_settled(w);
	tell_idle(w);
	witness_flush(&w->witness);
	tell_wishes(w);
	(void)mailbox_post(w->hub, &w->out);
	set_alarm(w);
}

/* Once a turn, before the loop waits. */
static void
flush_ready(struct ev_loop *loop, ev_prepare *p, int revents)
{
	struct worker *w = p->data;

	(void)revents;
	flush(w);
	delays_turn(&w->counters.turns, ev_now(loop), ev_time());
}

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
	for (size_t n = drain_due(&w->drain, ev_now(loop)); n > 0; n--) {
		w->drain.told++;
		if ((c = sweep_step(&w->sweep, &w->told)) != NULL)
			conn_stop(c);
	}
	if (w->drain.told == w->drain.total)
		ev_timer_stop(loop, t);
}

void
worker_stop(struct worker *w)
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
	drain_begin(&w->drain, w->sweep.n, w->conf->drain_ms, ev_now(w->loop));
	ev_timer_start(w->loop, &w->closer);
	ev_timer_start(w->loop, &w->forgoer);
	ev_timer_set(&w->deadline, limit, 0.);
	ev_timer_start(w->loop, &w->deadline);
	closer_ready(w->loop, &w->closer, 0);
}

static void
read_mail(struct worker *w)
{
	bool was_full;

	mailbox_take(&w->box, &w->in, &was_full);
	for (size_t i = 0; i < w->in.n; i++) {
		worker_hear(w, &w->in.v[i]);
		notice_clear(&w->in.v[i]);
	}
	w->in.n = 0;
	worker_serve(w);
	if (was_full)
		worker_tell(w, &(struct notice){ .what = NOTICE_DRAINED });
}

static void
mail_ready(struct ev_loop *loop, ev_async *async, int revents)
{
	(void)loop;
	(void)revents;
	read_mail(async->data);
}

static int
make_acceptors(struct worker *w, const struct listeners *ls)
{
	if ((w->acceptors = calloc(ls->n, sizeof(*w->acceptors))) == NULL)
		return -1;
	for (; w->nacceptors < ls->n; w->nacceptors++)
		acceptor_start(
		    &w->acceptors[w->nacceptors], w, &ls->v[w->nacceptors]);
	return 0;
}

static void
make_timers(struct worker *w)
{
	ev_prepare_init(&w->flush, flush_ready);
	ev_check_init(&w->wake, wake_ready);
	ev_set_priority(&w->wake, EV_MAXPRI);
	ev_init(&w->alarm, alarm_ready);
	ev_timer_init(&w->closer, closer_ready, CLOSER_S, CLOSER_S);
	ev_timer_init(&w->forgoer, forgoer_ready, FORGO_S, 0.);
	ev_init(&w->deadline, deadline_ready);
	w->flush.data = w->wake.data = w->alarm.data = w;
	w->closer.data = w->forgoer.data = w->deadline.data = w;
	ev_prepare_start(w->loop, &w->flush);
	ev_check_start(w->loop, &w->wake);
}

struct worker *
worker_new(const struct conf *conf, unsigned int id, const struct listeners *ls,
    struct hub *h, struct tally *tally)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->conf = conf;
	w->id = id;
	w->hub = &h->box;
	w->with_hub = conf->workers == 1;
	w->tally = tally;
	w->witness.conf = conf;
	w->witness.lines.log = tally->access_log;
	w->now_ms = clock_mono_ms();
	w->era.birth = w->era.horizon = h->birth;
	channel_table_init(&w->channels);
	w->channels.paged = conf->use_redis;
	sweep_init(&w->sweep, upkeep_round_ms(conf), w->now_ms);
	RB_INIT(&w->guests);
	w->inbox_len = conf->max_head + 1;
	if (w->inbox_len < INBOX_MIN)
		w->inbox_len = INBOX_MIN;
	if ((w->inbox = malloc(w->inbox_len)) == NULL ||
	    (w->loop = w->with_hub ? h->loop : ev_loop_new(EVFLAG_AUTO)) ==
		NULL ||
	    mailbox_open(&w->box, w->loop, mail_ready, w) == -1 ||
	    make_acceptors(w, ls) == -1) {
		worker_free(w);
		return NULL;
	}
	make_timers(w);
	return w;
}

/* The loop may be the hub's, which goes on. */
static void
stop_watchers(struct worker *w)
{
	for (size_t i = 0; i < w->nacceptors; i++)
		acceptor_clear(&w->acceptors[i]);
	ev_prepare_stop(w->loop, &w->flush);
	ev_check_stop(w->loop, &w->wake);
	ev_timer_stop(w->loop, &w->alarm);
	ev_timer_stop(w->loop, &w->closer);
	ev_timer_stop(w->loop, &w->forgoer);
	ev_timer_stop(w->loop, &w->deadline);
	mailbox_close(&w->box);
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	sweep_all(&w->sweep, conn_discard);
	if (w->loop != NULL)
		stop_watchers(w);
	access_lines_free(&w->witness.lines);
	hush_end(&w->witness.hush);
	notices_free(&w->in);
	notices_free(&w->out);
	channel_table_clear(&w->channels);
	sweep_free(&w->sweep);
	free(w->acceptors);
	free(w->inbox);
	requests_clear(&w->requests);
	if (w->loop != NULL && !w->with_hub)
		ev_loop_destroy(w->loop);
	free(w);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	char name[16];

	/* For who looks at threads one by one. */
	snprintf(name, sizeof(name), "worker %u", w->id);
	(void)pthread_setname_np(pthread_self(), name);
	ev_run(w->loop, 0);
	return NULL;
}

int
worker_start(struct worker *w)
{
	sigset_t all, old;
	int error;

	if (w->with_hub)
		return 0;
	/* Signals are the hub's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return error == 0 ? 0 : -1;
}

void
worker_join(struct worker *w)
{
	/* The loop has been left before it heard that it is to leave. */
	if (w->with_hub)
		read_mail(w);
	else
		pthread_join(w->thread, NULL);
}
