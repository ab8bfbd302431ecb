#include <err.h>
#include <errno.h>
#include <stdlib.h>

#include "attach.h"
#include "hub.h"
#include "units.h"

#define ROUND_TOPICS 64 /* logs read by one command */
#define OVER_COUNT 256  /* logs may hold more than the count */

/*
 * One attach command: it reads the logs of topics, or of none, and sends a
 * marker over the other link.  It is done when both have come, in any order.
 */
struct round {
	TAILQ_ENTRY(round) entry;
	struct attach *attach;
	int worker; /* that asked for the last place; -1: none */
	size_t n;
	struct topic *topics[ROUND_TOPICS]; /* borrowed; may be gone by then */
	struct place last;
	bool replied;
};

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

void
attach_foreign(struct attach *a, struct sse_text channel, const char *what)
{
	a->hub->counters.foreign++;
	if (hush_says(&a->hub->hush, clock_unix_ms()))
		warnx("Redis: channel %.*s: %s; passed over", (int)channel.len,
		    channel.ptr, what);
}

/* A message without an ID may come from anyone. */
static const char *
fault_of_raw(const struct attach *a, const struct event *ev)
{
	if (ev->data.len > a->hub->conf->max_event)
		return "a message larger than --max-event";
	if (sse_utf8_valid(ev->data.ptr, ev->data.len) != ev->data.len)
		return "a message that is not UTF-8";
	return NULL;
}

static struct message *
message_of(struct attach *a, struct bus_entry *e, struct sse_text channel)
{
	const char *fault = place_is_zero(e->place) ? fault_of_raw(a, &e->ev)
						    : NULL;
	struct message *m = NULL;

	e->ev.channel = channel;
	if (fault == NULL &&
	    (m = message_new(&a->hub->scratch, &e->ev, e->place, e->prev)) ==
		NULL &&
	    errno == EINVAL)
		fault = "an event that cannot be told";
	if (fault != NULL)
		attach_foreign(a, channel, fault);
	return m;
}

/* The places of a log that has come; *floor is the one before them. */
static size_t
read_places(const redisReply *reply, size_t log, struct place *places,
    struct place *floor)
{
	size_t n = 0, count = bus_log_count(reply, log);
	struct bus_entry e;

	*floor = bus_log_top(reply, log);
	for (size_t i = 0; i < count; i++) {
		if (bus_log_entry(reply, log, i, &e) == -1)
			continue;
		if (n == 0)
			*floor = e.prev;
		places[n++] = e.place;
	}
	return n;
}

/* Is a log that we have known not the one that goes on like this? */
static bool
is_another(const struct history *h, const redisReply *reply, size_t log)
{
	struct place last = replay_last(&h->log);
	size_t n = bus_log_count(reply, log);
	struct bus_entry e;

	if (h->log.count == 0)
		return false; /* then last may be of any channel */
	for (size_t i = 0; i < n; i++) {
		if (bus_log_entry(reply, log, i, &e) == -1)
			continue;
		if (place_cmp(e.place, last) > 0)
			return place_cmp(e.prev, last) < 0;
		if (!fork_knows(&h->log, e.place))
			return true;
	}
	return place_cmp(bus_log_top(reply, log), last) < 0;
}

/* It is put in the place of what was here, once it is known where they part. */
static void
compare_log(
    struct attach *a, struct history *h, const redisReply *reply, size_t log)
{
	struct place *places, floor;
	size_t n = bus_log_count(reply, log);

	if ((places = reallocarray(NULL, n + 1, sizeof(*places))) != NULL) {
		n = read_places(reply, log, places, &floor);
		fork_compare(&a->fork, &h->log, floor, places, n);
		free(places);
	}
	archive_empty(&a->hub->archive, h);
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
		attach_foreign(
		    a, t->named.name, "what lies in its log's place is none");
	if (h != NULL && t->resumed && a->forked)
		compare_log(a, h, reply, log);
	for (size_t i = 0; h != NULL && i < n; i++) {
		struct message *m;

		if (bus_log_entry(reply, log, i, &e) == -1 ||
		    (m = message_of(a, &e, t->named.name)) == NULL)
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
		    is_another(h, reply, i))
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
	struct sse_text names[ROUND_TOPICS];
	struct bus_command c = { 0 };
	const struct bus_conf *conf = &a->hub->conf->bus;
	size_t count = r->n == 0 ? conf->log_count : 0;

	for (size_t i = 0; i < r->n; i++) {
		names[i] = r->topics[i]->named.name;
		if (bus_retention(conf, names[i]).count > count)
			count = bus_retention(conf, names[i]).count;
	}
	if (!place_is_zero(after))
		count += OVER_COUNT;
	/* By its text: it is small, and never unknown. */
	if (bus_attach_command(conf, a->marker, names, r->n, after,
		(unsigned int)count, false, &c) == 0)
		(void)redis_async_send(a->link, attached, r, &c);
	bus_command_free(&c);
}

static struct round *
round_new(struct attach *a, int worker)
{
	struct round *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->attach = a;
	r->worker = worker;
	TAILQ_INSERT_TAIL(&a->rounds, r, entry);
	return r;
}

static int
begin_round(struct attach *a)
{
	struct topic *t = TAILQ_FIRST(&a->subscribed);
	bool resumed = t->resumed;
	struct round *r = round_new(a, -1);

	if (r == NULL)
		return -1;
	while ((t = TAILQ_FIRST(&a->subscribed)) != NULL &&
	    r->n < ROUND_TOPICS && t->resumed == resumed) {
		TAILQ_REMOVE(&a->subscribed, t, by_stage);
		t->stage = TOPIC_LOADING;
		r->topics[r->n++] = t;
	}
	send_round(a, r, resumed && !a->forked ? a->hub->horizon : PLACE_ZERO);
	return 0;
}

/* A round that is under way must not find a topic that is gone. */
static void
forget_in_rounds(struct attach *a, const struct topic *t)
{
	struct round *r;

	TAILQ_FOREACH(r, &a->rounds, entry)
		for (size_t i = 0; i < r->n; i++)
			if (r->topics[i] == t)
				r->topics[i] = NULL;
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
		forget_in_rounds(a, t);
	if (h != NULL)
		drop_early(a, h);
	t->stage = TOPIC_OFF;
}

/* Rounds that read logs begin anew with their topics; syncs are asked again. */
void
attach_reset(struct attach *a)
{
	struct round *r, *next;

	a->resuming = 0;
	TAILQ_FOREACH_SAFE(r, &a->rounds, entry, next) {
		r->replied = false;
		if (r->worker >= 0)
			continue;
		TAILQ_REMOVE(&a->rounds, r, entry);
		free(r);
	}
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
	struct round *r, *next;

	TAILQ_FOREACH_SAFE(r, &a->rounds, entry, next)
		free(r);
	TAILQ_INIT(&a->rounds);
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
	struct round *r = round_new(a, worker);

	if (r != NULL && now)
		send_round(a, r, PLACE_ZERO);
}

/* A live event that follows another one than that which was the last here. */
static bool
forks_off(
    const struct topic *t, const struct history *h, const struct bus_entry *e)
{
	return t->stage == TOPIC_LIVE && h->log.count > 0 &&
	    !place_is_zero(e->place) &&
	    place_cmp(e->prev, replay_last(&h->log)) < 0 &&
	    place_cmp(e->place, replay_last(&h->log)) > 0;
}

void
attach_live(struct attach *a, struct topic *t, struct bus_entry *e)
{
	struct history *h = t == NULL ? NULL : history_of(a, t);
	struct message *m;

	if (h != NULL && t->idle_since > 0. && !h->loaded)
		h = NULL; /* it was forgotten, and is read anew when wanted */
	if (h != NULL && !a->forked && forks_off(t, h, e)) {
		attach_fork(a);
		a->failed(a->arg, "its logs are others");
		return;
	}
	/* The event first, and the horizon behind it. */
	if (h != NULL && t->wanted &&
	    (m = message_of(a, e, t->named.name)) != NULL) {
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
attach_pass(struct attach *a, struct place p)
{
	pass(a, p);
	finish_rounds(a);
}
