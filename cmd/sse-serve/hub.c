#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "access_log.h"
#include "hub_inner.h"
#include "keyring.h"
#include "journal.h"
#include "posting.h"
#include "source.h"
#include "source_redis.h"
#include "source_stdin.h"
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
hub_settled(struct hub *h, unsigned int worker, struct place p)
{
	h->ports[worker].settled = p;
	if (h->archive.held != NULL)
		(void)archive_trim(&h->archive, h->archive.held, keep(h));
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
		posting_written(h, post, message_id(m));
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
	if (h->shutdown.stopping)
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

void
hub_resume(struct hub *h)
{
	if (h->shutdown.input_ended)
		shutdown_input(h);
	if (hub_room(h))
		source_resume(h->input);
	shutdown_if_done(h);
}

void
hub_raise(struct hub *h, struct place p)
{
	h->horizon = place_max(h->horizon, p);
	h->last = place_max(h->last, p);
	if (h->shutdown.input_ended)
		shutdown_input(h);
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
mail_ready(struct ev_loop *loop, ev_async *async, int revents)
{
	struct hub *h = async->data;
	bool was_full; /* the hub never makes a worker wait */

	(void)loop;
	(void)revents;
	mailbox_take(&h->box, &h->in, &was_full);
	for (size_t i = 0; i < h->in.n; i++) {
		hub_hear(h, &h->in.v[i]);
		notice_clear(&h->in.v[i]);
	}
	h->in.n = 0;
	hub_resume(h);
}

/*
 * Where that made room for more, the loop is not to sleep before that is written
 * too.
 */
bool
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
	h->flush.data = h->expire.data = h;
	ev_prepare_start(h->loop, &h->flush);
	shutdown_open(h);
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
	return shutdown_report(h);
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
