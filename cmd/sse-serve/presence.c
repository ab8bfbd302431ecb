#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "hub.h"
#include "presence.h"
#include "redis_async.h"
#include "source_redis.h"
#include "units.h"

#define TICK_S 0.2

/* One connection. */
struct member {
	struct named named; /* its ID */
	TAILQ_ENTRY(member) entry;
	struct member_list *list; /* which it is in */
	int64_t gone_ms;          /* when it is taken for gone */
	bool gone;                /* its stream has ended */
	bool told;                /* Redis may know of it */
	char *info;               /* owned: JSON */
	struct sse_text client;   /* owned */
};

/* A client that is here without Redis. */
struct present {
	struct named named;
	size_t connections;
};

/* With Redis the script says it. */
static void
say(struct presence *p, struct sse_text client, bool joined)
{
	struct event ev = EVENT_NONE;
	json_t *json;
	char *text;

	if (!p->hub->conf->presence_events)
		return;
	json = json_pack("{s:s%}", "client", client.ptr, client.len);
	text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (text == NULL)
		return;
	ev.channel = TEXT("presence");
	ev.type = joined ? TEXT("joined") : TEXT("left");
	ev.data = text_of(text);
	ev.has_data = true;
	(void)hub_publish(p->hub, &ev, NULL);
	free(text);
}

static void
move(struct presence *p, struct member *m, struct member_list *to)
{
	if (m->list != NULL)
		TAILQ_REMOVE(m->list, m, entry);
	p->nhere -= m->list == &p->here;
	m->list = to;
	p->nhere += to == &p->here;
	if (to != NULL)
		TAILQ_INSERT_TAIL(to, m, entry);
}

static void
forget(struct presence *p, struct member *m)
{
	move(p, m, NULL);
	named_remove(&p->members, &m->named);
	free((char *)(uintptr_t)m->client.ptr);
	free(m->info);
	free(m);
}

/* Without Redis everybody is told at once. */
static void
count_here(struct presence *p, const struct member *m, bool comes)
{
	struct present *c = named_find(&p->clients, m->client);

	if (c == NULL && (c = named_new(sizeof(*c), m->client)) == NULL)
		return;
	if (c->connections == 0)
		named_insert(&p->clients, &c->named);
	if (comes && c->connections++ == 0)
		say(p, m->client, true);
	if (comes || --c->connections > 0)
		return;
	say(p, m->client, false);
	named_remove(&p->clients, &c->named);
	free(c);
}

static struct bus_member
as_told(const struct member *m)
{
	return (
	    struct bus_member){ m->named.name, m->client, text_of(m->info) };
}

/* What is to be told next, at most so many; the number. */
static size_t
gather(struct presence *p, int64_t now_ms,
    struct bus_member v[static PRESENCE_BATCH])
{
	struct member_list *from = &p->coming;
	struct member *m;
	size_t n = 0;

	p->what = BUS_JOIN;
	if (TAILQ_EMPTY(from)) {
		from = &p->going;
		p->what = BUS_LEAVE;
	}
	while (n < PRESENCE_BATCH && (m = TAILQ_FIRST(from)) != NULL &&
	    (from == &p->coming || m->gone_ms <= now_ms)) {
		m->told = true;
		v[n++] = as_told(m);
		move(p, m, &p->flight);
	}
	if (n == 0)
		p->what = BUS_BEAT;
	return n;
}

/* What was on its way has arrived. */
static void
land(struct presence *p)
{
	struct member *m;

	while ((m = TAILQ_FIRST(&p->flight)) != NULL)
		if (p->what == BUS_LEAVE)
			forget(p, m);
		else
			move(p, m, m->gone ? &p->going : &p->here);
	p->flying = false;
}

static void tell(struct presence *p);

void
presence_again(struct presence *p)
{
	struct member *m;

	p->flying = false;
	p->beaten_ms = 0;
	while ((m = TAILQ_FIRST(&p->flight)) != NULL)
		move(p, m, m->gone ? &p->going : &p->coming);
	while ((m = TAILQ_FIRST(&p->here)) != NULL)
		move(p, m, &p->coming);
}

static void
refused(struct presence *p, const char *why)
{
	if (!p->refused)
		warnx("Redis does not take who is here: %s; trying again", why);
	p->refused = true;
}

static void
take_answer(struct presence *p, const redisReply *r)
{
	struct bus_present present;

	if (!p->flying)
		return; /* of a link before this one */
	if (bus_presence_answer(r, &present) != BUS_OK) {
		refused(p, bus_error(r));
		presence_again(p);
		return;
	}
	p->refused = false;
	land(p);
	if (present.fault.len > 0 && hush_says(&p->hub->hush, clock_unix_ms()))
		warnx("Redis refuses joined and left: %.*s",
		    (int)present.fault.len, present.fault.ptr);
	/* Others took this one for dead, or Redis has forgotten. */
	if (present.connections < p->nhere)
		presence_again(p);
	if (!TAILQ_EMPTY(&p->coming))
		tell(p);
}

static void
answered(redisAsyncContext *context, void *reply, void *priv)
{
	struct presence *p = priv;

	(void)context;
	/* When the link is lost all is told again once it is back. */
	if (reply != NULL &&
	    !redis_async_elsewhere(source_redis_commands(p->hub->redis), reply))
		take_answer(p, reply);
}

/* -1: the link is not up, or ENOMEM. */
static int
send_members(struct presence *p, const struct bus_member *members, size_t n)
{
	const struct conf *conf = p->hub->conf;
	struct bus_command c = { 0 };
	int error = bus_presence_command(&conf->bus, conf->instance,
	    PRESENCE_TTL_MS, conf->presence_events, p->what, members, n, &c);

	if (error == 0)
		error = redis_async_send(
		    source_redis_commands(p->hub->redis), answered, p, &c);
	bus_command_free(&c);
	return error;
}

static void
tell(struct presence *p)
{
	struct bus_member v[PRESENCE_BATCH];
	int64_t now = clock_unix_ms();
	size_t n;

	if (p->flying || !source_redis_up(p->hub->redis))
		return;
	n = gather(p, now, v);
	if (n == 0 && now - p->beaten_ms < PRESENCE_BEAT_MS &&
	    now >= p->beaten_ms)
		return;
	p->flying = true;
	p->beaten_ms = now;
	if (send_members(p, v, n) == -1)
		presence_again(p);
}

static void
expire(struct presence *p)
{
	int64_t now = clock_unix_ms();
	struct member *m;

	while ((m = TAILQ_FIRST(&p->going)) != NULL && m->gone_ms <= now) {
		count_here(p, m, false);
		forget(p, m);
	}
}

static void
tick_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct presence *p = t->data;

	(void)loop;
	(void)revents;
	if (p->hub->redis != NULL)
		tell(p);
	else
		expire(p);
}

void
presence_open(struct presence *p, struct hub *h)
{
	*p = (struct presence){ .hub = h };
	TAILQ_INIT(&p->coming);
	TAILQ_INIT(&p->going);
	TAILQ_INIT(&p->here);
	TAILQ_INIT(&p->flight);
	ev_timer_init(&p->tick, tick_ready, TICK_S, TICK_S);
	p->tick.data = p;
	if (h->conf->keyring != NULL || h->conf->auth.identity_header != NULL)
		ev_timer_start(h->loop, &p->tick);
}

void
presence_close(struct presence *p)
{
	struct member *m;
	struct present *c;

	while ((m = named_first(&p->members)) != NULL)
		forget(p, m);
	while ((c = named_first(&p->clients)) != NULL) {
		named_remove(&p->clients, &c->named);
		free(c);
	}
}

static struct sse_text
word(struct sse_text *t)
{
	const char *space = memchr(t->ptr, ' ', t->len);
	struct sse_text w = *t;

	w.len = space == NULL ? t->len : (size_t)(space - t->ptr);
	t->ptr += w.len + (space != NULL);
	t->len -= w.len + (space != NULL);
	return w;
}

static char *
describe(const struct hub *h, struct sse_text address)
{
	json_t *json = json_pack("{s:s, s:s%, s:I}", "instance",
	    h->conf->instance, "address", address.ptr, address.len, "since",
	    (json_int_t)clock_unix_ms());
	char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

	json_decref(json);
	return text;
}

void
presence_join(struct presence *p, struct sse_text words)
{
	struct sse_text id = word(&words), address = word(&words);
	struct member *m = named_new(sizeof(*m), id);

	if (m == NULL)
		return;
	m->client = name_dup(words);
	m->info = describe(p->hub, address);
	named_insert(&p->members, &m->named);
	if (m->client.ptr == NULL || m->info == NULL) {
		forget(p, m);
		return;
	}
	if (p->hub->redis != NULL) {
		move(p, m, &p->coming);
		return;
	}
	move(p, m, &p->here);
	count_here(p, m, true);
}

void
presence_leave(struct presence *p, struct sse_text words)
{
	struct member *m = named_find(&p->members, word(&words));

	if (m == NULL)
		return;
	m->gone = true;
	m->gone_ms = clock_unix_ms() + PRESENCE_PATIENCE_MS;
	if (m->list == &p->coming && !m->told)
		forget(p, m); /* nobody has heard of it */
	else if (m->list != &p->flight)
		move(p, m, &p->going);
}
