#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "hub.h"
#include "post.h"
#include "source_redis.h"
#include "source_stdin.h"
#include "units.h"
#include "worker.h"

#define EXPIRE_S 1.
#define PLACE_MAX ((struct place){ UINT64_MAX, UINT64_MAX })

void
hub_tell(struct hub *h, unsigned int worker, const struct notice *n)
{
	struct notice mine = *n;

	/* One that is not told would be a loss without a word. */
	if (notices_add(&h->ports[worker].out, &mine) == -1)
		err(EX_SOFTWARE, "notices");
}

/* Tell all workers that follow hist of a message, which the caller keeps. */
static void
tell_message(struct hub *h, const struct history *hist, struct message *m)
{
	for (unsigned int i = 0; i < h->nports; i++)
		if (hist->followers >> i & 1)
			hub_tell(h, i,
			    &(struct notice){ .what = NOTICE_MESSAGE,
				.message = message_ref(m),
				.drop = hist->log.dropped });
}

static void
tell_drops(struct hub *h)
{
	struct history *hist;

	while ((hist = archive_next_mark(&h->archive)) != NULL)
		for (unsigned int i = 0; i < h->nports; i++) {
			struct notice n = { .what = NOTICE_DROP,
				.drop = hist->log.dropped };

			if (!(hist->followers >> i & 1))
				continue;
			n.name = name_dup(hist->named.name);
			if (n.name.ptr != NULL)
				hub_tell(h, i, &n);
		}
}

/* Events are served once the horizon has passed them, so it is told first. */
static void
tell_horizon(struct hub *h, unsigned int worker)
{
	struct port *port = &h->ports[worker];

	if (place_cmp(port->told, h->horizon) >= 0)
		return;
	port->told = h->horizon;
	hub_tell(h, worker,
	    &(struct notice){ .what = NOTICE_HORIZON,
		.place = h->horizon,
		.birth = h->birth });
}

static void
tell_all(struct hub *h, enum notice_what what)
{
	for (unsigned int i = 0; i < h->nports; i++) {
		tell_horizon(h, i);
		hub_tell(h, i, &(struct notice){ .what = what });
	}
}

/* Behind this place nothing may be dropped. */
static struct place
keep(const struct hub *h)
{
	struct place slowest = PLACE_MAX;

	if (h->conf->lag != LAG_WAIT)
		return slowest;
	for (unsigned int i = 0; i < h->nports; i++)
		if (place_cmp(h->ports[i].settled, slowest) < 0)
			slowest = h->ports[i].settled;
	return slowest;
}

/*
 * An own ID that is no place, between others whose places were adopted: the
 * event takes the place it most likely had where it came from, for with one of
 * now it would put those that follow out of order.
 */
static bool
continues(const struct hub *h, const struct event *ev, uint64_t now_ms)
{
	return h->adopted && ev->has_id &&
	    now_ms < h->last.ms + (uint64_t)h->conf->history_age_ms / 2;
}

/*
 * The place of ev, and its ID on the wire: its own stays, unless it is formed
 * like a place and cannot be adopted as one.
 */
static struct place
mint(struct hub *h, struct event *ev)
{
	uint64_t now_ms = (uint64_t)clock_unix_ms();
	struct place p;

	if (ev->has_id && place_parse(ev->id.ptr, ev->id.len, &p)) {
		if (place_adoptable(p, h->last, now_ms)) {
			h->adopted = true;
			return p;
		}
		if (ev->origin.len == 0)
			ev->origin = ev->id;
		ev->has_id = false;
	}
	if (continues(h, ev, now_ms))
		return place_next(h->last, 0);
	h->adopted = false;
	return place_next(h->last, now_ms);
}

void
hub_deliver(struct hub *h, struct message *m)
{
	struct history *hist = archive_get(&h->archive, message_channel(m));
	int held = -1;

	if (hist != NULL && !place_is_zero(m->place) &&
	    place_cmp(m->place, replay_last(&hist->log)) <= 0)
		hist = NULL; /* it is there already */
	if (hist != NULL) {
		tell_message(h, hist, m);
		if (place_is_zero(m->place)) {
			message_unref(m);
			return;
		}
		held = archive_append(&h->archive, hist, m, keep(h));
	}
	if (held == -1)
		message_unref(m);
}

static int
publish_here(struct hub *h, const struct event *from, struct post *post)
{
	struct event ev = *from;
	struct place place = mint(h, &ev);
	struct history *hist = archive_get(&h->archive, ev.channel);
	struct message *m;

	if (hist == NULL)
		return -1;
	hist->loaded = true;
	m = message_new(&h->scratch, &ev, place, replay_last(&hist->log));
	if (m == NULL)
		return -1;
	h->last = h->horizon = place;
	/* What bears an older place is of another life: a gap. */
	if (place_is_zero(h->birth))
		h->birth = place;
	if (post != NULL)
		post_published(post, message_id(m));
	hub_deliver(h, m);
	return h->archive.held != NULL ? 1 : 0;
}

int
hub_publish(struct hub *h, const struct event *ev, struct post *post)
{
	if (h->redis != NULL)
		return source_redis_publish(h->redis, ev, post);
	return publish_here(h, ev, post);
}

bool
hub_room(const struct hub *h)
{
	if (h->stopping)
		return false;
	for (unsigned int i = 0; i < h->nports; i++)
		if (h->ports[i].full)
			return false;
	if (h->redis != NULL)
		return source_redis_room(h->redis);
	return h->archive.held == NULL;
}

static bool
all_idle(const struct hub *h)
{
	for (unsigned int i = 0; i < h->nports; i++)
		if (!h->ports[i].idle)
			return false;
	return true;
}

/* It may end once the workers have, and all is in Redis that was read. */
static void
end_if_done(struct hub *h)
{
	if (h->stopping && all_idle(h) &&
	    (h->redis == NULL || source_redis_pending(h->redis) == 0))
		ev_break(h->loop, EVBREAK_ALL);
}

void
hub_resume(struct hub *h)
{
	if (h->input_ended)
		hub_input_ended(h);
	if (h->input != NULL && hub_room(h))
		source_stdin_resume(h->input);
	end_if_done(h);
}

void
hub_raise(struct hub *h, struct place p)
{
	h->horizon = place_max(h->horizon, p);
	h->last = place_max(h->last, p);
	if (h->input_ended)
		hub_input_ended(h);
}

static void
tell_log(struct hub *h, const struct history *hist, unsigned int worker)
{
	struct notice n = { .what = NOTICE_ATTACHED,
		.place = h->horizon,
		.drop = hist->log.dropped,
		.birth = h->birth };

	n.name = name_dup(hist->named.name);
	n.backlog = history_backlog(hist);
	if (n.name.ptr == NULL || n.backlog == NULL)
		notice_clear(&n);
	else
		hub_tell(h, worker, &n);
}

void
hub_loaded(struct hub *h, struct history *hist)
{
	hist->loaded = true;
	for (unsigned int i = 0; i < h->nports; i++)
		if (hist->followers >> i & 1)
			tell_log(h, hist, i);
}

static void
hear_attach(struct hub *h, const struct notice *n)
{
	struct history *hist = archive_get(&h->archive, n->name);

	if (hist == NULL)
		return; /* the stream is refused in time */
	archive_follow(&h->archive, hist, n->worker);
	if (h->redis == NULL)
		hist->loaded = true;
	if (hist->loaded)
		tell_log(h, hist, n->worker);
	else
		source_redis_follow(h->redis, hist);
}

static void
hear_detach(struct hub *h, const struct notice *n)
{
	struct history *hist = archive_find(&h->archive, n->name);

	if (hist == NULL)
		return;
	if (h->redis != NULL &&
	    (hist->followers & ~(UINT64_C(1) << n->worker)) == 0)
		source_redis_unfollow(h->redis, hist);
	archive_unfollow(&h->archive, hist, n->worker);
}

/* Publish the events of p, as many as can be.  Those that cannot are cut off. */
static void
publish_post(struct hub *h, struct post *p)
{
	size_t i;

	if (h->redis != NULL && !source_redis_up(h->redis)) {
		post_refuse(p, 503, "Redis is awaited, try again later");
		p->n = 0;
		return;
	}
	for (i = 0; i < p->n; i++)
		if (hub_publish(h, p->events[i], p) == -1)
			break;
	if (i == p->n)
		return;
	post_refuse(p, errno == EINVAL ? 400 : 503,
	    errno == EINVAL ? "the event cannot be encoded"
			    : "not all events were taken, try again later");
	while (p->n > i)
		free(p->events[--p->n]);
}

static void
hear_post(struct hub *h, struct notice *n)
{
	struct post *p = n->post;

	n->post = NULL;
	publish_post(h, p);
	/* What is on its way to Redis is answered from there. */
	if (p->done >= p->n)
		hub_tell(h, p->worker,
		    &(struct notice){ .what = NOTICE_POSTED, .post = p });
}

static void
hear_sync(struct hub *h, const struct notice *n)
{
	if (h->redis != NULL)
		source_redis_sync(h->redis, n->worker);
	else
		hub_tell(h, n->worker,
		    &(struct notice){
			.what = NOTICE_SYNCED, .place = h->horizon });
}

static void
stop(struct hub *h)
{
	if (h->stopping)
		return;
	source_stdin_stop(h->input);
	h->input = NULL;
	h->stopping = true;
	ev_timer_set(&h->deadline, (double)h->conf->drain_ms / 1000 + 1, 0.);
	ev_timer_start(h->loop, &h->deadline);
	for (unsigned int i = 0; i < h->nports; i++)
		h->ports[i].idle = false;
	tell_all(h, NOTICE_STOP);
}

void
hub_fail(struct hub *h, int status)
{
	h->status = status;
	stop(h);
}

static void
hear_idle(struct hub *h, const struct notice *n)
{
	h->ports[n->worker].idle = true;
	if (!all_idle(h))
		return;
	if (h->stopping)
		end_if_done(h);
	else if (h->ended && !ev_is_active(&h->linger))
		stop(h);
}

static void
hear(struct hub *h, struct notice *n)
{
	switch (n->what) {
	case NOTICE_ATTACH:
		hear_attach(h, n);
		break;
	case NOTICE_DETACH:
		hear_detach(h, n);
		break;
	case NOTICE_SYNC:
		hear_sync(h, n);
		break;
	case NOTICE_POST:
		hear_post(h, n);
		break;
	case NOTICE_DRAINED:
		h->ports[n->worker].full = false;
		break;
	case NOTICE_SLOWEST:
		h->ports[n->worker].settled = n->place;
		if (h->archive.held != NULL)
			(void)archive_trim(
			    &h->archive, h->archive.held, keep(h));
		break;
	case NOTICE_IDLE:
		hear_idle(h, n);
		break;
	default:
		break;
	}
}

static void
mail_ready(struct ev_loop *loop, ev_async *async, int revents)
{
	struct hub *h = async->data;
	bool was_full; /* the hub never makes a worker wait */

	(void)loop;
	(void)revents;
	mailbox_take(&h->box, &h->in, &was_full);
	for (size_t i = 0; i < h->in.n; i++) {
		hear(h, &h->in.v[i]);
		notice_clear(&h->in.v[i]);
	}
	h->in.n = 0;
	hub_resume(h);
}

/* Once a turn: what has gathered goes to the workers, one wake-up each. */
static void
flush_ready(struct ev_loop *loop, ev_prepare *p, int revents)
{
	struct hub *h = p->data;

	(void)loop;
	(void)revents;
	tell_drops(h);
	for (unsigned int i = 0; i < h->nports; i++) {
		struct port *port = &h->ports[i];

		tell_horizon(h, i);
		if (mailbox_post(port->box, &port->out) == 1)
			port->full = true;
	}
}

static void
expire_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct hub *h = t->data;

	(void)loop;
	(void)revents;
	archive_expire(&h->archive, clock_unix_ms(), keep(h));
}

static void
linger_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct hub *h = t->data;

	(void)loop;
	(void)revents;
	if (all_idle(h))
		stop(h);
}

static void
deadline_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)t;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

void
hub_input_ended(struct hub *h)
{
	if (h->ended || !h->conf->exit_on_eof)
		return;
	h->input_ended = true;
	/* What is on its way to Redis has to come back first. */
	if (h->redis != NULL && !source_redis_settled(h->redis))
		return;
	h->ended = true;
	if (h->faulty)
		h->status = EX_DATAERR;
	tell_all(h, NOTICE_END);
	ev_timer_set(&h->linger, (double)h->conf->linger_ms / 1000, 0.);
	ev_timer_start(h->loop, &h->linger);
}

static void
signal_ready(struct ev_loop *loop, ev_signal *s, int revents)
{
	struct hub *h = s->data;

	(void)revents;
	/* From here on another one ends the program at once. */
	ev_signal_stop(loop, &h->sigint);
	ev_signal_stop(loop, &h->sigterm);
	stop(h);
}

static void
make_watchers(struct hub *h)
{
	ev_prepare_init(&h->flush, flush_ready);
	ev_timer_init(&h->expire, expire_ready, EXPIRE_S, EXPIRE_S);
	ev_init(&h->linger, linger_ready);
	ev_init(&h->deadline, deadline_ready);
	ev_signal_init(&h->sigint, signal_ready, SIGINT);
	ev_signal_init(&h->sigterm, signal_ready, SIGTERM);
	h->flush.data = h->expire.data = h->linger.data = h;
	h->sigint.data = h->sigterm.data = h;
	ev_prepare_start(h->loop, &h->flush);
	ev_timer_start(h->loop, &h->expire);
	ev_signal_start(h->loop, &h->sigint);
	ev_signal_start(h->loop, &h->sigterm);
}

int
hub_open(struct hub *h, const struct conf *conf)
{
	memset(h, 0, sizeof(*h));
	h->conf = conf;
	archive_init(&h->archive, conf->history_count, conf->history_bytes,
	    conf->history_age_ms);
	if ((h->loop = ev_default_loop(EVFLAG_AUTO)) == NULL ||
	    mailbox_open(&h->box, h->loop, mail_ready, h) == -1)
		return -1;
	make_watchers(h);
	return 0;
}

int
hub_add(struct hub *h, struct worker *w, struct mailbox *box)
{
	struct port *grown = reallocarray(
	    h->ports, h->nports + 1u, sizeof(*grown));

	if (grown == NULL)
		return -1;
	h->ports = grown;
	h->ports[h->nports] = (struct port){
		.worker = w, .box = box, .told = h->horizon
	};
	h->nports++;
	return 0;
}

/* What Redis would not take in time is lost, and said to be. */
static int
report_unpublished(const struct hub *h)
{
	size_t n = h->redis == NULL ? 0 : source_redis_pending(h->redis);

	if (n == 0)
		return h->status;
	warnx("%zu events were read and not published: %s did not answer", n,
	    h->conf->redis.shown);
	return h->status != 0 ? h->status : EX_TEMPFAIL;
}

int
hub_run(struct hub *h)
{
	if (h->conf->read_stdin && (h->input = source_stdin_new(h)) == NULL)
		return EX_SOFTWARE;
	ev_run(h->loop, 0);
	return report_unpublished(h);
}

void
hub_close(struct hub *h)
{
	source_stdin_free(h->input);
	source_redis_free(h->redis);
	for (unsigned int i = 0; i < h->nports; i++)
		notices_free(&h->ports[i].out);
	free(h->ports);
	notices_free(&h->in);
	mailbox_close(&h->box);
	archive_free(&h->archive);
	sse_buf_free(&h->scratch);
}
