#include <stdlib.h>
#include <string.h>

#include <hiredis/adapters/libev.h>

#include "redis_async.h"

#define BACKOFF_FIRST_S 0.1
#define BACKOFF_MAX_S 5.
#define PATIENCE_S 5.

static void
try_later(struct redis_async *l)
{
	/* Jitter keeps a fleet from coming back in the same moment. */
	double wait = l->backoff_s * (0.5 + arc4random_uniform(1000) / 2000.);

	l->backoff_s *= 2;
	if (l->backoff_s > BACKOFF_MAX_S)
		l->backoff_s = BACKOFF_MAX_S;
	ev_timer_stop(l->loop, &l->patience);
	ev_timer_set(&l->again, wait, 0.);
	ev_timer_start(l->loop, &l->again);
}

/* hiredis frees the context itself after its callbacks. */
static void
lost(struct redis_async *l, const char *why)
{
	bool was_up = l->up;

	l->context = NULL;
	l->up = false;
	if (l->closing)
		return;
	try_later(l);
	if (was_up)
		l->on_down(l->arg, why);
}

static void
disconnected(const redisAsyncContext *c, int status)
{
	if (c->data != NULL)
		lost(c->data,
		    status == REDIS_OK ? "connection closed" : c->errstr);
}

static void
connected(const redisAsyncContext *c, int status)
{
	if (status != REDIS_OK && c->data != NULL)
		lost(c->data, c->errstr);
}

/* The last of what makes the link ready has been answered. */
static void
ready(redisAsyncContext *c, void *reply, void *priv)
{
	struct redis_async *l = c->data;

	(void)priv;
	if (reply == NULL || l == NULL)
		return; /* lost(), in a moment */
	if (bus_answer_of(reply) != BUS_OK) {
		redisAsyncDisconnect(c);
		return;
	}
	ev_timer_stop(l->loop, &l->patience);
	l->backoff_s = BACKOFF_FIRST_S;
	l->up = true;
	l->on_up(l->arg);
}

static void
refused(redisAsyncContext *c, void *reply, void *priv)
{
	(void)priv;
	if (reply != NULL && bus_answer_of(reply) != BUS_OK)
		redisAsyncDisconnect(c);
}

static void
greet(struct redis_async *l)
{
	const struct redis_url *u = l->url;

	if (u->password != NULL && u->user != NULL)
		redisAsyncCommand(l->context, refused, NULL, "AUTH %s %s",
		    u->user, u->password);
	else if (u->password != NULL)
		redisAsyncCommand(
		    l->context, refused, NULL, "AUTH %s", u->password);
	redisAsyncCommand(l->context, ready, NULL, "SELECT %d", u->db);
}

static void
attempt(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct redis_async *l = t->data;

	(void)revents;
	l->context = l->url->host != NULL
	    ? redisAsyncConnect(l->url->host, l->url->port)
	    : redisAsyncConnectUnix(l->url->path);
	if (l->context == NULL || l->context->err != 0) {
		if (l->context != NULL)
			redisAsyncFree(l->context);
		l->context = NULL;
		try_later(l);
		return;
	}
	l->context->data = l;
	redisLibevAttach(loop, l->context);
	redisAsyncSetConnectCallback(l->context, connected);
	redisAsyncSetDisconnectCallback(l->context, disconnected);
	ev_timer_set(&l->patience, PATIENCE_S, 0.);
	ev_timer_start(loop, &l->patience);
	greet(l);
}

static void
out_of_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	redis_async_drop(t->data);
}

void
redis_async_open(struct redis_async *l, struct ev_loop *loop,
    const struct redis_url *url, void (*on_up)(void *),
    void (*on_down)(void *, const char *), void *arg)
{
	memset(l, 0, sizeof(*l));
	l->loop = loop;
	l->url = url;
	l->on_up = on_up;
	l->on_down = on_down;
	l->arg = arg;
	l->backoff_s = BACKOFF_FIRST_S;
	ev_init(&l->again, attempt);
	ev_init(&l->patience, out_of_patience);
	l->again.data = l->patience.data = l;
	ev_timer_set(&l->again, 0., 0.);
	ev_timer_start(loop, &l->again);
}

/* Free the context; its pending commands are told, its callbacks not. */
static void
forget(struct redis_async *l)
{
	redisAsyncContext *c = l->context;

	l->context = NULL;
	l->up = false;
	if (c == NULL)
		return;
	c->data = NULL;
	redisAsyncFree(c);
}

void
redis_async_close(struct redis_async *l)
{
	l->closing = true;
	ev_timer_stop(l->loop, &l->again);
	ev_timer_stop(l->loop, &l->patience);
	forget(l);
}

void
redis_async_drop(struct redis_async *l)
{
	bool was_up = l->up;

	if (l->context == NULL)
		return;
	forget(l);
	try_later(l);
	if (was_up)
		l->on_down(l->arg, "it does not answer");
}

int
redis_async_send(struct redis_async *l, redisCallbackFn *fn, void *priv,
    const struct bus_command *c)
{
	if (!l->up)
		return -1;
	return redisAsyncCommandArgv(l->context, fn, priv, c->argc, c->argv,
		   c->argvlen) == REDIS_OK
	    ? 0
	    : -1;
}
