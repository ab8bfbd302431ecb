#include <stdlib.h>
#include <string.h>

#include <hiredis/adapters/libev.h>

#include "redis_async.h"

#define BACKOFF_FIRST_S 0.1
#define BACKOFF_MAX_S 2.
#define PATIENCE_MAX_S 5.
#define HOPS_MAX 8
#define READONLY_S 5. /* before another master is looked for */

static void
wait_for(struct redis_async *l, double s)
{
	ev_timer_stop(l->loop, &l->patience);
	ev_timer_stop(l->loop, &l->again);
	ev_timer_set(&l->again, s, 0.);
	ev_timer_start(l->loop, &l->again);
}

/* The next address or node at once, all of them anew after a while. */
static void
try_again(struct redis_async *l)
{
	double wait = l->backoff_s;

	if (l->is_moved || l->next < l->found.n) {
		wait_for(l, 0.);
		return;
	}
	/* Jitter keeps a fleet from coming back in the same moment. */
	wait *= 0.5 + arc4random_uniform(1000) / 2000.;
	l->backoff_s = l->backoff_s == 0. ? BACKOFF_FIRST_S : l->backoff_s * 2;
	if (l->backoff_s > BACKOFF_MAX_S)
		l->backoff_s = BACKOFF_MAX_S;
	l->hops = 0;
	wait_for(l, wait);
}

static void
gone(struct redis_async *l, bool was_up, const char *why)
{
	l->context = NULL;
	l->up = false;
	if (l->closing)
		return;
	if (was_up)
		l->found.n = 0; /* it may be elsewhere by now */
	try_again(l);
	if (was_up)
		l->calls->down(l->calls->arg, why);
	else
		l->calls->fails(l->calls->arg, why);
}

/* hiredis frees the context itself after its callbacks. */
static void
lost(struct redis_async *l, const char *why)
{
	gone(l, l->up, why);
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
redis_async_drop(struct redis_async *l, const char *why)
{
	bool was_up = l->up;

	if (l->context == NULL)
		return;
	forget(l);
	gone(l, was_up, why);
}

/* Another node has it: that one is next. */
static void
follow(struct redis_async *l, const redisReply *r)
{
	struct sse_text host;
	int port;

	if (!bus_moved(r, &host, &port) || host.len >= REDIS_WHERE_MAX ||
	    l->hops++ == HOPS_MAX)
		return;
	l->is_moved = true;
	/* Without a host it is that of the node that said so. */
	if (host.len > 0) {
		memcpy(l->moved.host, host.ptr, host.len);
		l->moved.host[host.len] = '\0';
	}
	l->moved.port = port;
}

bool
redis_async_elsewhere(struct redis_async *l, const redisReply *r)
{
	enum bus_answer answer = bus_answer_of(r);

	if (answer != BUS_MOVED &&
	    (answer != BUS_BUSY || r == NULL ||
		strncmp(bus_error(r), "READONLY", 8) != 0 ||
		ev_now(l->loop) - l->up_at < READONLY_S))
		return false;
	follow(l, r);
	redis_async_drop(l, bus_error(r));
	return true;
}

/* What is asked on a new connection has to be answered well. */
static bool
refused(redisAsyncContext *c, const redisReply *r)
{
	struct redis_async *l = c->data;

	if (r == NULL || l == NULL)
		return true; /* lost(), in a moment */
	if (bus_answer_of(r) == BUS_OK)
		return false;
	if (!redis_async_elsewhere(l, r))
		redis_async_drop(l, bus_error(r));
	return true;
}

static void
greeted(redisAsyncContext *c, void *reply, void *priv)
{
	(void)priv;
	(void)refused(c, reply);
}

/* The sentinels may not know yet that this is no master any more. */
static void
role_said(redisAsyncContext *c, void *reply, void *priv)
{
	struct redis_async *l = c->data;
	const redisReply *r = reply;

	(void)priv;
	if (r == NULL || l == NULL || r->type != REDIS_REPLY_ARRAY ||
	    r->elements == 0 || r->element[0]->type != REDIS_REPLY_STRING)
		return; /* who may not ask finds out by publishing */
	if (strcmp(r->element[0]->str, "master") != 0)
		redis_async_drop(l, "it is not the master (yet)");
}

/* The last of what makes the link ready has been answered. */
static void
ready(redisAsyncContext *c, void *reply, void *priv)
{
	struct redis_async *l = c->data;

	(void)priv;
	if (refused(c, reply))
		return;
	ev_timer_stop(l->loop, &l->patience);
	l->up = true;
	l->up_at = ev_now(l->loop);
	l->calls->up(l->calls->arg);
}

static void
greet(struct redis_async *l)
{
	const struct redis_url *u = l->url;
	struct bus_command home = { 0 };

	if (u->password != NULL && u->user != NULL)
		redisAsyncCommand(l->context, greeted, NULL, "AUTH %s %s",
		    u->user, u->password);
	else if (u->password != NULL)
		redisAsyncCommand(
		    l->context, greeted, NULL, "AUTH %s", u->password);
	if (u->db != 0)
		redisAsyncCommand(
		    l->context, greeted, NULL, "SELECT %d", u->db);
	if (u->master != NULL)
		redisAsyncCommand(l->context, role_said, NULL, "ROLE");
	if (bus_home_command(l->prefix, &home) == 0)
		redisAsyncCommandArgv(l->context, ready, NULL, home.argc,
		    home.argv, home.argvlen);
	bus_command_free(&home);
}

/* Begin to connect to w; NULL: by the Unix socket. */
static void
begin(struct redis_async *l, const struct redis_where *w)
{
	l->context = w != NULL ? redisAsyncConnect(w->host, w->port)
			       : redisAsyncConnectUnix(l->url->path);
	if (l->context == NULL || l->context->err != 0) {
		if (l->context != NULL)
			redisAsyncFree(l->context);
		lost(l, "cannot connect");
		return;
	}
	l->context->data = l;
	redisLibevAttach(l->loop, l->context);
	redisAsyncSetConnectCallback(l->context, connected);
	redisAsyncSetDisconnectCallback(l->context, disconnected);
	ev_timer_set(&l->patience, l->patience_s, 0.);
	ev_timer_start(l->loop, &l->patience);
	greet(l);
}

static void
begin_next(struct redis_async *l)
{
	l->moved = l->found.at[l->next++];
	begin(l, &l->moved);
}

static void
looked_up(void *arg, const struct found *found)
{
	struct redis_async *l = arg;

	l->lookup = NULL;
	l->found = *found;
	l->next = 0;
	if (found->n > 0)
		begin_next(l);
	else
		lost(l, found->fault);
}

static void
attempt(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct redis_async *l = t->data;

	(void)revents;
	if (l->url->path != NULL) {
		begin(l, NULL);
	} else if (l->is_moved) {
		l->is_moved = false; /* it may be gone the next time */
		begin(l, &l->moved);
	} else if (l->next < l->found.n) {
		begin_next(l);
	} else if (l->lookup == NULL) {
		l->lookup = lookup_new(loop, l->url,
		    (int64_t)(l->patience_s * 1000), looked_up, l);
		if (l->lookup == NULL)
			lost(l, "no memory or thread to look it up");
	}
}

static void
out_of_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	redis_async_drop(t->data, "no answer in time");
}

void
redis_async_open(struct redis_async *l, struct ev_loop *loop,
    const struct redis_url *url, const char *prefix, int64_t timeout_ms,
    const struct redis_async_calls *calls)
{
	memset(l, 0, sizeof(*l));
	l->loop = loop;
	l->url = url;
	l->prefix = prefix;
	l->calls = calls;
	l->patience_s = (double)timeout_ms / 1000;
	if (l->patience_s > PATIENCE_MAX_S)
		l->patience_s = PATIENCE_MAX_S;
	ev_init(&l->again, attempt);
	ev_init(&l->patience, out_of_patience);
	l->again.data = l->patience.data = l;
	wait_for(l, 0.);
}

void
redis_async_close(struct redis_async *l)
{
	l->closing = true;
	lookup_abandon(l->lookup);
	l->lookup = NULL;
	ev_timer_stop(l->loop, &l->again);
	ev_timer_stop(l->loop, &l->patience);
	forget(l);
}

void
redis_async_good(struct redis_async *l)
{
	l->backoff_s = 0.;
	l->hops = 0;
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
