#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "conn.h"
#include "post.h"
#include "stream.h"
#include "worker.h"

#define ACCEPTS_MAX 64    /* a turn, so that streams get theirs */
#define HURRY_S 0.25      /* how exact deadlines are */
#define ACCEPT_PAUSE_S 1. /* without descriptors, unless one is freed */

/* One listening socket, which all workers accept from. */
struct acceptor {
	ev_io io;
	ev_timer again;
	const struct listener *listener;
	struct worker *worker;
	bool paused;
};

static void
pause_accept(struct acceptor *a)
{
	a->paused = true;
	ev_io_stop(a->worker->loop, &a->io);
	ev_timer_again(a->worker->loop, &a->again);
}

static void
resume_accept(struct acceptor *a)
{
	if (!a->paused || a->worker->stopping)
		return;
	a->paused = false;
	ev_timer_stop(a->worker->loop, &a->again);
	ev_io_start(a->worker->loop, &a->io);
}

static void
accept_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	resume_accept(t->data);
}

static void
accept_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct acceptor *a = io->data;

	(void)loop;
	(void)revents;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = accept4(
		    io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd != -1) {
			atomic_fetch_add(&a->worker->tally->connections, 1);
			conn_new(a->worker, fd, a->listener);
			continue;
		}
		/* Without descriptors the kernel keeps them waiting. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			pause_accept(a);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

void
worker_closed(struct worker *w)
{
	atomic_fetch_sub(&w->tally->connections, 1);
	for (size_t i = 0; i < w->nacceptors; i++)
		resume_accept(&w->acceptors[i]);
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
	struct sse_text copy;

	if (ch != NULL || (ch = channel_get(&w->channels, name)) == NULL)
		return ch;
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

	if (ch->nsubscribers > 0)
		return;
	copy = name_dup(ch->named.name);
	if (copy.ptr == NULL)
		return; /* it stays attached, which costs memory only */
	channel_free(&w->channels, ch);
	worker_tell(w, &(struct notice){ .what = NOTICE_DETACH, .name = copy });
}

static void
wake(struct subscriber *s, void *raw)
{
	conn_wake(((struct stream *)s)->owner, raw);
}

static void
wake_attached(struct subscriber *s, void *arg)
{
	(void)arg;
	conn_attached(((struct stream *)s)->owner);
}

/* Serve one channel's readers; then what is dropped may go. */
static void
serve_channel(struct worker *w, struct channel *ch)
{
	char copy[CHANNEL_MAX];
	struct sse_text name = { copy, ch->named.name.len };

	memcpy(copy, ch->named.name.ptr, ch->named.name.len);
	channel_wake(ch, wake, ch->nraw > 0 ? ch : NULL);
	/* With its last subscriber the channel itself goes. */
	if ((ch = channel_find(&w->channels, name)) == NULL)
		return;
	channel_served(ch, w->era.horizon);
	if (place_cmp(replay_last(&ch->log), w->era.horizon) > 0)
		channel_mark(&w->channels, ch);
}

/*
 * Serve all that has something new.  What stands beyond the horizon stays
 * marked, to be served when that is raised.
 */
static void
serve(struct worker *w)
{
	struct channel *ch;
	size_t n = 0;

	TAILQ_FOREACH(ch, &w->channels.dirty, by_dirt)
		n++;
	while (n-- > 0 && (ch = channel_next_dirty(&w->channels)) != NULL)
		serve_channel(w, ch);
}

static void
hear_message(struct worker *w, struct notice *n)
{
	struct channel *ch = channel_find(
	    &w->channels, message_channel(n->message));

	/* Before the log has come, what is said will be in it. */
	if (ch == NULL || !ch->attached)
		return;
	ch->drop_to = place_max(ch->drop_to, n->drop);
	(void)channel_publish(&w->channels, ch, n->message);
	n->message = NULL;
}

static void
hear_attached(struct worker *w, struct notice *n)
{
	struct channel *ch = channel_find(&w->channels, n->name);

	w->era.horizon = place_max(w->era.horizon, n->place);
	w->era.birth = n->birth;
	if (ch == NULL || ch->attached)
		return;
	replay_drop_to(&ch->log, n->drop);
	for (size_t i = 0; i < n->backlog->n; i++) {
		if (replay_append(&ch->log, n->backlog->messages[i]) == -1)
			return; /* still not attached: they are refused */
		n->backlog->messages[i] = NULL;
	}
	ch->attached = true;
	channel_wake(ch, wake_attached, NULL);
}

static void
hear_synced(struct worker *w, const struct notice *n)
{
	struct hurry *h, *next;

	w->era.horizon = place_max(w->era.horizon, n->place);
	TAILQ_FOREACH_SAFE(h, &w->sweep.hurried, entry, next)
		conn_synced(h->conn);
}

static void
hear_drop(struct worker *w, const struct notice *n)
{
	struct channel *ch = channel_find(&w->channels, n->name);

	if (ch == NULL || !ch->attached)
		return;
	ch->drop_to = place_max(ch->drop_to, n->drop);
	channel_mark(&w->channels, ch);
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

static void
flush(struct worker *w)
{
	if (w->conf->lag == LAG_WAIT)
		tell_settled(w);
	tell_idle(w);
	(void)mailbox_post(w->hub, &w->out);
}

/* Once a turn, before the loop waits. */
static void
flush_ready(struct ev_loop *loop, ev_prepare *p, int revents)
{
	struct worker *w = p->data;

	(void)revents;
	flush(w);
	if (w->stopping && w->sweep.n == 0)
		ev_break(loop, EVBREAK_ALL);
}

static void
leave_loop(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = t->data;

	(void)revents;
	/* Those who have not taken the rest by now will not. */
	sweep_all(&w->sweep, conn_kill);
	flush(w);
	ev_break(loop, EVBREAK_ALL);
}

static void
hear_stop(struct worker *w)
{
	w->stopping = true;
	w->idle_told = false; /* the hub asks anew */
	for (size_t i = 0; i < w->nacceptors; i++) {
		ev_io_stop(w->loop, &w->acceptors[i].io);
		ev_timer_stop(w->loop, &w->acceptors[i].again);
	}
	serve(w);
	sweep_all(&w->sweep, conn_stop);
	ev_timer_set(&w->deadline, (double)w->conf->drain_ms / 1000, 0.);
	ev_timer_start(w->loop, &w->deadline);
}

static void
hear(struct worker *w, struct notice *n)
{
	switch (n->what) {
	case NOTICE_MESSAGE:
		hear_message(w, n);
		break;
	case NOTICE_DROP:
		hear_drop(w, n);
		break;
	case NOTICE_ATTACHED:
		hear_attached(w, n);
		break;
	case NOTICE_HORIZON:
		w->era.horizon = place_max(w->era.horizon, n->place);
		w->era.birth = n->birth;
		break;
	case NOTICE_SYNCED:
		hear_synced(w, n);
		break;
	case NOTICE_POSTED:
		conn_posted(n->post);
		n->post = NULL;
		break;
	case NOTICE_END:
		serve(w);
		w->ended = true;
		sweep_all(&w->sweep, conn_finish);
		break;
	case NOTICE_STOP:
		hear_stop(w);
		break;
	default:
		break;
	}
}

static void
mail_ready(struct ev_loop *loop, ev_async *async, int revents)
{
	struct worker *w = async->data;
	bool was_full;

	(void)loop;
	(void)revents;
	mailbox_take(&w->box, &w->in, &was_full);
	for (size_t i = 0; i < w->in.n; i++) {
		hear(w, &w->in.v[i]);
		notice_clear(&w->in.v[i]);
	}
	w->in.n = 0;
	serve(w);
	if (was_full)
		worker_tell(w, &(struct notice){ .what = NOTICE_DRAINED });
}

static void
sweep_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = t->data;

	(void)loop;
	(void)revents;
	sweep_next(&w->sweep, conn_sweep);
}

static void
hurry_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = t->data;
	struct conn *c;

	(void)revents;
	while ((c = sweep_late(&w->sweep, ev_now(loop))) != NULL)
		conn_late(c);
}

static int
make_acceptors(struct worker *w, const struct listeners *ls)
{
	if ((w->acceptors = calloc(ls->n, sizeof(*w->acceptors))) == NULL)
		return -1;
	for (; w->nacceptors < ls->n; w->nacceptors++) {
		struct acceptor *a = &w->acceptors[w->nacceptors];

		a->listener = &ls->v[w->nacceptors];
		a->worker = w;
		ev_io_init(&a->io, accept_ready, a->listener->fd, EV_READ);
		ev_init(&a->again, accept_again);
		a->again.repeat = ACCEPT_PAUSE_S;
		a->io.data = a->again.data = a;
		ev_io_start(w->loop, &a->io);
	}
	return 0;
}

static void
make_timers(struct worker *w)
{
	/* Each stream is looked at twice an interval: see conn_sweep(). */
	double every = (double)w->conf->keepalive_ms / 1000 / 2 / SWEEP_SLOTS;

	ev_prepare_init(&w->flush, flush_ready);
	ev_timer_init(&w->sweeper, sweep_ready, every, every);
	ev_timer_init(&w->hurrier, hurry_ready, HURRY_S, HURRY_S);
	ev_init(&w->deadline, leave_loop);
	w->flush.data = w->sweeper.data = w->hurrier.data = w->deadline.data =
	    w;
	ev_prepare_start(w->loop, &w->flush);
	ev_timer_start(w->loop, &w->hurrier);
	if (w->conf->keepalive_ms > 0)
		ev_timer_start(w->loop, &w->sweeper);
}

struct worker *
worker_new(const struct conf *conf, unsigned int id, const struct listeners *ls,
    struct mailbox *hub, struct tally *tally, struct place birth)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->conf = conf;
	w->id = id;
	w->hub = hub;
	w->tally = tally;
	w->era.birth = w->era.horizon = birth;
	w->era.age_ms = conf->history_age_ms;
	channel_table_init(&w->channels);
	sweep_init(&w->sweep);
	if ((w->loop = ev_loop_new(EVFLAG_AUTO)) == NULL ||
	    mailbox_open(&w->box, w->loop, mail_ready, w) == -1 ||
	    make_acceptors(w, ls) == -1) {
		worker_free(w);
		return NULL;
	}
	make_timers(w);
	return w;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	sweep_all(&w->sweep, conn_discard);
	notices_free(&w->in);
	notices_free(&w->out);
	channel_table_clear(&w->channels);
	sweep_free(&w->sweep);
	free(w->acceptors);
	if (w->loop != NULL) {
		mailbox_close(&w->box);
		ev_loop_destroy(w->loop);
	}
	free(w);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	ev_run(w->loop, 0);
	return NULL;
}

int
worker_start(struct worker *w)
{
	sigset_t all, old;
	int error;

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
	pthread_join(w->thread, NULL);
}
