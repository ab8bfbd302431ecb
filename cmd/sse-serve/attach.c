#include <err.h>
#include <stdlib.h>

#include "attach.h"
#include "hub.h"

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

/*
 * The live link has passed p.  While logs are read again it is not told: what
 * they hold stands before it.
 */
static void
pass(struct attach *a, struct place p)
{
	a->passed = place_max(a->passed, p);
	if (a->resuming == 0)
		hub_raise(a->hub, a->passed);
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
	for (size_t i = 0; i < h->nearly; i++)
		hub_deliver(a->hub, h->early[i]);
	h->nearly = 0;
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
	if (a->resuming == 0)
		hub_raise(a->hub, a->passed);
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

static struct message *
message_of(struct attach *a, struct bus_entry *e, struct sse_text channel)
{
	e->ev.channel = channel;
	return message_new(&a->hub->scratch, &e->ev, e->place, e->prev);
}

/* One log has come.  A new one fills its history, another one is caught up. */
static void
take_log(struct attach *a, struct topic *t, const redisReply *reply, size_t log)
{
	struct history *h = history_of(a, t);
	size_t n = bus_log_count(reply, log);
	struct bus_entry e;

	for (size_t i = 0; h != NULL && i < n; i++) {
		struct message *m;

		if (bus_log_entry(reply, log, i, &e) == -1 ||
		    (m = message_of(a, &e, t->named.name)) == NULL)
			continue;
		if (t->resumed)
			hub_deliver(a->hub, m);
		else
			archive_load(&a->hub->archive, h, m);
	}
	if (h != NULL && n == 0 && !t->resumed)
		archive_dropped(&a->hub->archive, h, bus_log_top(reply, log));
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
	if (bus_attach_answer(reply, &found) != BUS_OK) {
		warnx("Redis: %s", bus_error(reply));
		a->failed(a->arg);
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
	unsigned int count = conf->log_count +
	    (place_is_zero(after) ? 0 : OVER_COUNT);

	for (size_t i = 0; i < r->n; i++)
		names[i] = r->topics[i]->named.name;
	/* By its text: it is small, and never unknown. */
	if (bus_attach_command(
		conf, a->marker, names, r->n, after, count, false, &c) == 0)
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
	send_round(a, r, resumed ? a->hub->horizon : PLACE_ZERO);
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
drop_early(struct history *h)
{
	for (size_t i = 0; i < h->nearly; i++)
		message_unref(h->early[i]);
	h->nearly = 0;
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
		drop_early(h);
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
    void (*failed)(void *), void *arg)
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

void
attach_live(struct attach *a, struct topic *t, struct bus_entry *e)
{
	struct history *h = t == NULL ? NULL : history_of(a, t);
	struct message *m;

	/* The event first, and the horizon behind it. */
	if (h != NULL && t->wanted &&
	    (m = message_of(a, e, t->named.name)) != NULL) {
		if (t->stage == TOPIC_LIVE)
			hub_deliver(a->hub, m);
		else if (history_early(h, m) == -1)
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
