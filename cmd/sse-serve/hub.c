#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "access_log.h"
#include "hub.h"
#include "inquiry.h"
#include "keyring.h"
#include "journal.h"
#include "marking.h"
#include "post.h"
#include "source.h"
#include "source_redis.h"
#include "source_stdin.h"
#include "survey.h"
#include "tell.h"
#include "units.h"
#include "worker.h"

#define EXPIRE_S 1.

/* Behind this place nothing may be dropped. */
static struct place
keep(const struct hub *h)
{
	struct place slowest = PLACE_LAST;

	if (h->conf->lag != LAG_WAIT)
		return slowest;
	for (unsigned int i = 0; i < h->nports; i++)
		if (place_cmp(h->ports[i].settled, slowest) < 0)
			slowest = h->ports[i].settled;
	return slowest;
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

void
hub_posted(struct hub *h, struct post *p)
{
	struct notice n = { .what = NOTICE_POSTED, .post = p };

	if (p->reached == NULL || p->status != 200 || p->asked >= h->nports) {
		hub_tell(h, p->worker, &n);
		return;
	}
	n.what = NOTICE_COUNT;
	hub_tell(h, p->asked++, &n);
}

/* p is published: should it come again it is to be known. */
static void
note_repeats(struct hub *h, const struct post *p)
{
	if (p->status == 200 && repeats_note(&h->repeats, p) == -1)
		warnx("out of memory: a repeat of what was published now would "
		      "be published again");
}

void
hub_written(struct hub *h, struct message *m, struct post *post)
{
	struct history *hist = archive_get(&h->archive, message_channel(m));

	if (hist != NULL) {
		hist->loaded = true;
		m->prev = replay_last(&hist->log);
	}
	h->counters.event_bytes += m->len;
	h->horizon = m->place;
	/* What bears an older place is of another life: a gap. */
	if (place_is_zero(h->birth))
		h->birth = m->place;
	if (post != NULL)
		post_published(post, message_id(m));
	if (post != NULL && post->done >= post->n && h->journal != NULL) {
		note_repeats(h, post);
		hub_posted(h, post);
	}
	hub_deliver(h, m);
}

static int
publish_here(struct hub *h, const struct event *from, struct post *post)
{
	struct event ev = *from;
	struct place place = mint_place(
	    &h->mint, &ev, h->last, (uint64_t)clock_unix_ms());
	struct message *m = message_new(&h->scratch, &ev, place, PLACE_ZERO);
	int got;

	if (m == NULL)
		return -1;
	h->last = place;
	if (h->journal != NULL) {
		if ((got = journal_stage(h->journal, m, post)) == -1)
			message_unref(m);
		return got;
	}
	hub_written(h, m, post);
	return h->archive.held != NULL ? 1 : 0;
}

const char *
hub_event_fault(const struct hub *h, const struct event *ev)
{
	return h->redis != NULL ? bus_event_fault(ev) : event_fault(ev);
}

int
hub_publish(struct hub *h, const struct event *ev, struct post *post)
{
	int got = h->redis != NULL ? source_redis_publish(h->redis, ev, post)
				   : publish_here(h, ev, post);

	if (got != -1)
		h->counters.events[post != NULL ? FROM_POST : FROM_INPUT]++;
	return got;
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
	if (h->journal != NULL && !journal_room(h->journal))
		return false;
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

void
hub_leave(struct hub *h)
{
	tell_all(h, NOTICE_LEAVE);
	tell_flush(h);
	ev_break(h->loop, EVBREAK_ALL);
}

/* It may end once the workers have, and all is in Redis that was read. */
static void
end_if_done(struct hub *h)
{
	if (h->stopping && all_idle(h) &&
	    (h->redis == NULL || source_redis_pending(h->redis) == 0))
		hub_leave(h);
}

static bool hub_commit(struct hub *h);

void
hub_resume(struct hub *h)
{
	if (h->input_ended)
		hub_input_ended(h);
	if (hub_room(h))
		source_resume(h->input);
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

void
hub_loaded(struct hub *h, struct history *hist)
{
	hist->loaded = true;
	for (unsigned int i = 0; i < h->nports; i++)
		if (hist->followers >> i & 1)
			tell_log(h, hist, i);
}

void
hub_forked(struct hub *h, const struct bus_fork *f)
{
	h->fork = *f;
	tell_fork(h, NOTICE_FORK, f->low, f->high);
}

void
hub_forget(struct hub *h, struct place fresh)
{
	struct history *hist;

	tell_fork(h, NOTICE_FORGET, fresh, PLACE_ZERO);
	for (hist = named_first(&h->archive.names); hist != NULL;
	     hist = named_next(&hist->named))
		if (hist->loaded)
			hub_loaded(h, hist);
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
	else
		source_redis_follow(h->redis, hist);
	if (hist->loaded)
		tell_log(h, hist, n->worker);
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

/* What cannot be published from the ith event on is cut off. */
static void
cut_post(struct post *p, size_t i)
{
	post_refuse(p, errno == EINVAL ? 400 : 503,
	    errno == EINVAL ? "the event cannot be encoded"
			    : "not all events were taken, try again later");
	post_cut(p, i);
}

/* Publish the events of p, as many as can be. */
static void
publish_events(struct hub *h, struct post *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (hub_publish(h, p->events[i], p) == -1) {
			cut_post(p, i);
			return;
		}
}

/* What fits no message of Redis is refused with all that came with it. */
static bool
fits_redis(struct post *p)
{
	const char *fault = NULL;

	for (size_t i = 0; i < p->n && fault == NULL; i++)
		fault = bus_event_fault(p->events[i]);
	if (fault != NULL) {
		post_refuse(p, 413, fault);
		post_cut(p, 0);
	}
	return fault == NULL;
}

static void
publish_to_redis(struct hub *h, struct post *p)
{
	if (!fits_redis(p))
		return;
	if (!source_redis_up(h->redis)) {
		post_refuse(p, 503, "Redis is awaited, try again later");
		post_cut(p, 0);
	} else if (p->producer == NULL)
		publish_events(h, p);
	else if (source_redis_publish_batch(h->redis, p) == -1)
		cut_post(p, 0);
}

/* Publish p unless it is a repeat; Redis knows that of itself. */
static void
publish_post(struct hub *h, struct post *p)
{
	if (h->redis != NULL) {
		publish_to_redis(h, p);
		return;
	}
	/* What is not written yet is not known to have been published. */
	if (p->once != NULL || p->producer != NULL)
		(void)hub_commit(h);
	if (repeats_answer(&h->repeats, p))
		return;
	publish_events(h, p);
	if (p->done >= p->n)
		note_repeats(h, p);
}

static void
hear_post(struct hub *h, struct notice *n)
{
	struct post *p = n->post;

	n->post = NULL;
	publish_post(h, p);
	/* What is on its way to Redis is answered from there. */
	if (p->done >= p->n)
		hub_posted(h, p);
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

void
hub_stop(struct hub *h)
{
	if (h->stopping)
		return;
	service_stopping(&h->service);
	source_stop(h->input);
	h->input = NULL;
	h->stopping = true;
	(void)hub_commit(h);
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
	hub_stop(h);
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
		hub_stop(h);
}

/* It goes on to the next worker, and from the last to the one that asked. */
static void
hear_inquire(struct hub *h, struct notice *n)
{
	struct inquiry *q = n->inquiry;
	struct notice on = { .what = NOTICE_INQUIRY, .inquiry = q };

	n->inquiry = NULL;
	if (q->what.all && h->redis != NULL) {
		source_redis_fleet(h->redis, q);
		return;
	}
	if (q->next == 0)
		survey_hub(h, q);
	if (q->next < h->nports) {
		hub_tell(h, q->next++, &on);
		return;
	}
	if (q->conn == NULL) {
		inquiry_free(q);
		service_beat(&h->service);
		return;
	}
	on.what = NOTICE_INQUIRED;
	hub_tell(h, q->worker, &on);
}

int
hub_pulse(struct hub *h)
{
	static const struct inspect health = { .what = INSPECT_HEALTH };
	struct notice n = { .what = NOTICE_INQUIRE };

	if ((n.inquiry = inquiry_new(&health, NULL, NULL, 0)) == NULL)
		return -1;
	hear_inquire(h, &n);
	return 0;
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
	case NOTICE_PAGE:
	case NOTICE_BACK:
		source_redis_page(h->redis, n);
		break;
	case NOTICE_SYNC:
		hear_sync(h, n);
		break;
	case NOTICE_POST:
		hear_post(h, n);
		break;
	case NOTICE_ACK:
		marking_hear(h, n->ack);
		n->ack = NULL;
		break;
	case NOTICE_COUNTED:
		hub_posted(h, n->post);
		n->post = NULL;
		break;
	case NOTICE_HERE:
		presence_join(&h->presence, n->name);
		break;
	case NOTICE_GONE:
		presence_leave(&h->presence, n->name);
		break;
	case NOTICE_INQUIRE:
		hear_inquire(h, n);
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

/*
 * Write what is staged; false: some of it cannot be.  Where that made room for
 * more, the loop is not to sleep before that is written too.
 */
static bool
hub_commit(struct hub *h)
{
	if (h->journal == NULL)
		return true;
	if (journal_commit(h->journal)) {
		hub_resume(h);
		if (journal_pending(h->journal) > 0)
			ev_async_send(h->loop, &h->box.wake);
	}
	return journal_pending(h->journal) == 0;
}

/* With nothing that time will change the hub sleeps until it hears something. */
static void
set_expire(struct hub *h)
{
	if (!archive_ages(&h->archive) && hush_due_ms(&h->hush) < 0 &&
	    !tell_waits(h))
		ev_timer_stop(h->loop, &h->expire);
	else if (!ev_is_active(&h->expire))
		ev_timer_again(h->loop, &h->expire);
}

/* Once a turn, before the loop waits. */
static void
flush_ready(struct ev_loop *loop, ev_prepare *p, int revents)
{
	struct hub *h = p->data;

	(void)revents;
	(void)hub_commit(h);
	tell_flush(h);
	set_expire(h);
	delays_turn(&h->counters.turns, ev_now(loop), ev_time());
}

static void
expire_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct hub *h = t->data;

	(void)loop;
	(void)revents;
	archive_expire(&h->archive, clock_unix_ms(), keep(h));
	hush_tell(&h->hush, clock_unix_ms());
}

static void
linger_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct hub *h = t->data;

	(void)loop;
	(void)revents;
	if (all_idle(h))
		hub_stop(h);
}

static void
deadline_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct hub *h = t->data;

	(void)loop;
	(void)revents;
	hub_leave(h);
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
	if (!hub_commit(h))
		return;
	h->ended = true;
	if (h->faulty)
		h->status = EX_DATAERR;
	tell_all(h, NOTICE_END);
	ev_timer_set(&h->linger, (double)h->conf->linger_ms / 1000, 0.);
	ev_timer_start(h->loop, &h->linger);
}

void
hub_reload(struct hub *h)
{
	if (h->access_log != NULL && access_log_reopen(h->access_log) == -1)
		warn("access log %s", h->access_log->path);
	if (h->conf->keyring != NULL)
		keyring_reload(h->conf->keyring);
}

static void
make_watchers(struct hub *h)
{
	ev_prepare_init(&h->flush, flush_ready);
	ev_timer_init(&h->expire, expire_ready, EXPIRE_S, EXPIRE_S);
	ev_init(&h->linger, linger_ready);
	ev_init(&h->deadline, deadline_ready);
	h->flush.data = h->expire.data = h->linger.data = h;
	h->deadline.data = h;
	ev_prepare_start(h->loop, &h->flush);
	service_open(&h->service, h);
}

int
hub_open(struct hub *h, const struct conf *conf)
{
	memset(h, 0, sizeof(*h));
	h->conf = conf;
	h->mint.age_ms = conf->retentions.base.age_ms;
	repeats_init(&h->repeats, conf->once_bytes, conf->bus.once_ms,
	    conf->bus.producer_ms);
	marks_init(&h->marks);
	archive_init(&h->archive, &conf->retentions, conf->history_bytes);
	if ((h->loop = ev_default_loop(EVFLAG_AUTO)) == NULL ||
	    mailbox_open(&h->box, h->loop, mail_ready, h) == -1)
		return -1;
	make_watchers(h);
	presence_open(&h->presence, h);
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
	h->ports[h->nports] = (struct port){ .worker = w, .box = box };
	h->nports++;
	return 0;
}

/* What Redis or the journal would not take is lost, and said to be. */
static int
report_unpublished(const struct hub *h)
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
	if (h->status != 0 || n + unwritten == 0)
		return h->status;
	return n > 0 ? EX_TEMPFAIL : EX_IOERR;
}

void
hub_ready(struct hub *h)
{
	void (*ready)(void *arg) = h->ready;

	h->ready = NULL;
	if (ready != NULL)
		ready(h->ready_arg);
}

int
hub_run(struct hub *h)
{
	if (h->redis == NULL)
		hub_ready(h);
	if (h->conf->read_stdin && (h->input = source_stdin_new(h)) == NULL)
		return EX_SOFTWARE;
	ev_run(h->loop, 0);
	return report_unpublished(h);
}

void
hub_close(struct hub *h)
{
	hush_end(&h->hush);
	source_free(h->input);
	source_redis_free(h->redis);
	journal_free(h->journal);
	for (unsigned int i = 0; i < h->nports; i++)
		notices_free(&h->ports[i].out);
	free(h->ports);
	notices_free(&h->in);
	mailbox_close(&h->box);
	repeats_clear(&h->repeats);
	archive_free(&h->archive);
	marks_clear(&h->marks);
	presence_close(&h->presence);
	sse_buf_free(&h->scratch);
}
