#include <err.h>
#include <stdlib.h>

#include "arrival.h"
#include "attach.h"
#include "fork_log.h"
#include "hub.h"

static struct history *
history_of(struct attach *a, const struct topic *t)
{
	return archive_get(&a->hub->archive, t->named.name);
}

void
attach_fork(struct attach *a)
{
	if (a->forked)
		return;
	a->forked = true;
	fork_init(&a->fork, a->hub->last);
	warnx("%s has lost events that it had told; readers are told of a gap",
	    a->hub->conf->redis.shown);
}

static void
recorded(redisAsyncContext *context, void *reply, void *priv)
{
	struct attach *a = priv;
	struct place before;
	struct bus_fork fork;

	(void)context;
	if (reply != NULL && bus_raise_answer(reply, &before, &fork) == BUS_OK)
		hub_forked(a->hub, &fork);
}

/* Let other servers know, and those who come when this one does not. */
static void
record_fork(struct attach *a)
{
	struct place low = place_min(a->fork.fresh, a->fork.lost);
	struct bus_command c = { 0 };

	if (place_cmp(low, a->hub->last) < 0 &&
	    bus_raise_command(&a->hub->conf->bus, a->hub->last, &low, &c) == 0)
		(void)redis_async_send(a->link, recorded, a, &c);
	bus_command_free(&c);
}

/* All logs that were here before are here again. */
static void
settle(struct attach *a)
{
	if (a->resuming > 0)
		return;
	if (a->forked) {
		a->forked = false;
		hub_forget(a->hub, a->fork.fresh);
		record_fork(a);
	}
	hub_raise(a->hub, a->passed);
}

/*
 * The live link has passed p.  While logs are read again it is not told: what
 * they hold stands before it.
 */
static void
pass(struct attach *a, struct place p)
{
	a->passed = place_max(a->passed, p);
	settle(a);
}

/* What came while the log was read, or what of it could be kept. */
static void
deliver_early(struct attach *a, struct history *h)
{
	struct early e = archive_early_end(&a->hub->archive, h);

	for (size_t i = 0; i < e.n; i++)
		hub_deliver(a->hub, e.v[i]);
	free(e.v);
	/* One in the middle is missed by the one behind it. */
	if (place_cmp(e.lost, replay_last(&h->log)) > 0)
		archive_dropped(&a->hub->archive, h, e.lost);
}

static void
set_live(struct attach *a, struct topic *t)
{
	struct history *h = history_of(a, t);

	t->stage = TOPIC_LIVE;
	if (t->resumed)
		a->resuming--;
	t->resumed = false;
	if (h == NULL)
		return;
	deliver_early(a, h);
	if (!h->loaded)
		hub_loaded(a->hub, h);
}

/* Both halves have come: the topics are live, whoever asked is told. */
static void
round_done(struct attach *a, struct round *r)
{
	/* From here on another one may be begun. */
	TAILQ_REMOVE(&a->rounds, r, entry);
	for (size_t i = 0; i < r->n; i++)
		if (r->topics[i] != NULL)
			set_live(a, r->topics[i]);
	settle(a);
	if (r->worker >= 0)
		hub_tell(a->hub, (unsigned int)r->worker,
		    &(struct notice){
			.what = NOTICE_SYNCED, .place = a->hub->horizon });
	free(r);
}

/* Rounds end in the order in which they began, as markers do. */
static void
finish_rounds(struct attach *a)
{
	struct round *r, *next;

	TAILQ_FOREACH_SAFE(r, &a->rounds, entry, next) {
		if (!r->replied || place_cmp(r->last, a->passed) > 0)
			return;
		round_done(a, r);
	}
}

/* One log has come.  A new one fills its history, another one is caught up. */
static void
take_log(struct attach *a, struct topic *t, const redisReply *reply, size_t log)
{
	struct history *h = history_of(a, t);
	size_t n = bus_log_count(reply, log);
	bool resumed = t->resumed && !a->forked;
	struct bus_entry e;

	if (bus_log_is_foreign(reply, log))
		arrival_foreign(a->hub, t->named.name,
		    "what lies in its log's place is none");
	if (h != NULL && t->resumed && a->forked) {
		fork_log_compare(&a->fork, &h->log, reply, log);
		archive_empty(&a->hub->archive, h);
	}
	for (size_t i = 0; h != NULL && i < n; i++) {
		struct message *m;

		if (bus_log_entry(reply, log, i, &e) == -1 ||
		    (m = arrival_message(a->hub, &e, t->named.name)) == NULL)
			continue;
		if (resumed)
			hub_deliver(a->hub, m);
		else
			archive_load(&a->hub->archive, h, m);
	}
	if (h != NULL && n == 0 && !resumed)
		archive_dropped(&a->hub->archive, h, bus_log_top(reply, log));
}

/* Do the logs that are resumed go on as they did? */
static bool
has_forked(struct attach *a, const struct round *r, const redisReply *reply)
{
	for (size_t i = 0; i < r->n; i++) {
		struct topic *t = r->topics[i];
		struct history *h;

		if (t != NULL && t->resumed && (h = history_of(a, t)) != NULL &&
		    fork_log_parts(&h->log, reply, i))
			return true;
	}
	return false;
}

static void
attached(redisAsyncContext *context, void *reply, void *priv)
{
	struct round *r = priv;
	struct attach *a;
	struct bus_attached found;

	(void)context;
	if (reply == NULL)
		return; /* link_down() has seen to it; r may be gone */
	a = r->attach;
	if (redis_async_elsewhere(a->link, reply))
		return;
	if (bus_attach_answer(reply, &found) != BUS_OK) {
		a->failed(a->arg, bus_error(reply));
		return;
	}
	if (!a->forked && has_forked(a, r, reply)) {
		attach_fork(a);
		a->failed(a->arg, "its logs are others");
		return;
	}
	a->hub->birth = found.birth;
	r->last = found.last;
	r->replied = true;
	for (size_t i = 0; i < r->n && i < found.nlogs; i++)
		if (r->topics[i] != NULL)
			take_log(a, r->topics[i], reply, i);
	finish_rounds(a);
}

static void
send_round(struct attach *a, struct round *r, struct place after)
{
	round_send(r, a->link, &a->hub->conf->bus, a->marker, after, attached);
}

static int
begin_round(struct attach *a)
{
	struct topic *t = TAILQ_FIRST(&a->subscribed);
	struct round *r = round_new(&a->rounds, a, -1);
	bool resumed = t->resumed;

	if (r == NULL)
		return -1;
	round_fill(r, &a->subscribed);
	send_round(a, r, resumed && !a->forked ? a->hub->horizon : PLACE_ZERO);
	return 0;
}

static void
drop_early(struct attach *a, struct history *h)
{
	struct early e = archive_early_end(&a->hub->archive, h);

	for (size_t i = 0; i < e.n; i++)
		message_unref(e.v[i]);
	free(e.v);
}

/* Take a topic out of whatever stage it is in. */
void
attach_forget(struct attach *a, struct topic *t)
{
	struct history *h = archive_find(&a->hub->archive, t->named.name);

	if (t->stage == TOPIC_SUBSCRIBED)
		TAILQ_REMOVE(&a->subscribed, t, by_stage);
	if (t->stage == TOPIC_LOADING)
		round_list_forget(&a->rounds, t);
	if (h != NULL)
		drop_early(a, h);
	t->stage = TOPIC_OFF;
}

void
attach_reset(struct attach *a)
{
	a->resuming = 0;
	round_list_reset(&a->rounds);
}

void
attach_init(struct attach *a, struct hub *h, struct redis_async *link,
    void (*failed)(void *, const char *), void *arg)
{
	*a = (struct attach){
		.hub = h, .link = link, .failed = failed, .arg = arg
	};
	TAILQ_INIT(&a->subscribed);
	TAILQ_INIT(&a->rounds);
	bus_marker_name(&h->conf->bus, a->marker);
}

void
attach_clear(struct attach *a)
{
	round_list_clear(&a->rounds);
}

void
attach_add(struct attach *a, struct topic *t)
{
	t->stage = TOPIC_SUBSCRIBED;
	TAILQ_INSERT_TAIL(&a->subscribed, t, by_stage);
}

void
attach_send(struct attach *a)
{
	while (!TAILQ_EMPTY(&a->subscribed))
		if (begin_round(a) == -1)
			return; /* without memory, the next turn tries again */
}

void
attach_resume(struct attach *a, struct topic *t)
{
	struct history *h = history_of(a, t);

	t->resumed = h != NULL && h->loaded;
	a->resuming += t->resumed;
}

void
attach_give_up(struct attach *a, struct topic *t)
{
	t->wanted = false;
	if (t->resumed)
		a->resuming--;
	t->resumed = false;
}

void
attach_again(struct attach *a)
{
	struct round *r;

	TAILQ_FOREACH(r, &a->rounds, entry)
		send_round(a, r, PLACE_ZERO);
}

void
attach_sync(struct attach *a, int worker, bool now)
{
	struct round *r = round_new(&a->rounds, a, worker);

	if (r != NULL && now)
		send_round(a, r, PLACE_ZERO);
}

void
attach_live(struct attach *a, struct topic *t, struct bus_entry *e)
{
	struct history *h = t == NULL ? NULL : history_of(a, t);
	struct message *m;

	if (h != NULL && t->idle_since > 0. && !h->loaded)
		h = NULL; /* it was forgotten, and is read anew when wanted */
	if (h != NULL && !a->forked && t->stage == TOPIC_LIVE &&
	    fork_log_leaves(&h->log, e)) {
		attach_fork(a);
		a->failed(a->arg, "its logs are others");
		return;
	}
	/* The event first, and the horizon behind it. */
	if (h != NULL && t->wanted &&
	    (m = arrival_message(a->hub, e, t->named.name)) != NULL) {
		a->hub->counters.events[FROM_REDIS]++;
		a->hub->counters.event_bytes += m->len;
		if (t->stage == TOPIC_LIVE)
			hub_deliver(a->hub, m);
		else if (archive_early(&a->hub->archive, h, m) == -1)
			message_unref(m);
	}
	pass(a, e->place);
}

void
attach_check(struct attach *a, struct topic *t)
{
	if (t == NULL || t->stage != TOPIC_LIVE || !t->wanted)
		return;
	attach_resume(a, t);
	attach_add(a, t);
}

void
attach_pass(struct attach *a, struct place p)
{
	pass(a, p);
	finish_rounds(a);
}
