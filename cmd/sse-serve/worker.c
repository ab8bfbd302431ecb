#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "conn.h"
#include "hub.h"
#include "stream.h"
#include "units.h"
#include "upkeep.h"
#include "worker_inner.h"

#define INBOX_MIN ((size_t)64 << 10)

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
	witness_flush(&w->witness);
	worker_report(w);
	alarm_set(w);
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
make_watchers(struct worker *w)
{
	ev_prepare_init(&w->flush, flush_ready);
	ev_check_init(&w->wake, wake_ready);
	ev_set_priority(&w->wake, EV_MAXPRI);
	w->flush.data = w->wake.data = w;
	ev_prepare_start(w->loop, &w->flush);
	ev_check_start(w->loop, &w->wake);
	alarm_open(w);
	closing_open(w);
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
	make_watchers(w);
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
	alarm_close(w);
	closing_close(w);
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
