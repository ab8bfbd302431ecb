#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_link_inner.h"
#include "units.h"

struct redis_link *
redis_link_new(const struct redis_url *u)
{
	struct redis_link *l = calloc(1, sizeof(*l));

	if (l != NULL)
		l->u = u;
	return l;
}

void
redis_link_free(struct redis_link *l)
{
	if (l == NULL)
		return;
	redis_link_close(l);
	free(l);
}

void
redis_link_set_home(struct redis_link *l, const char *prefix)
{
	l->prefix = prefix;
}

void
redis_link_set_pool(struct redis_link *l)
{
	l->pool = true;
}

void
redis_link_set_stop(struct redis_link *l, const volatile sig_atomic_t *stop)
{
	l->stop = stop;
}

void
redis_link_close(struct redis_link *l)
{
	if (l->c != NULL)
		redisFree(l->c);
	l->c = NULL;
	l->queued = false;
}

int
redis_link_fd(const struct redis_link *l)
{
	return l->c == NULL ? -1 : l->c->fd;
}

short
redis_link_events(const struct redis_link *l)
{
	return l->queued ? POLLIN | POLLOUT : POLLIN;
}

const char *
redis_link_fault(const struct redis_link *l)
{
	return l->fault;
}

void
redis_link_say(struct redis_link *l, const char *fmt, ...)
{
	int n = snprintf(l->fault, sizeof(l->fault), "%s: ", l->u->shown);
	va_list ap;

	if (n < 0 || (size_t)n >= sizeof(l->fault))
		return;
	va_start(ap, fmt);
	vsnprintf(l->fault + n, sizeof(l->fault) - (size_t)n, fmt, ap);
	va_end(ap);
}

enum redis_link_state
redis_link_down(struct redis_link *l, const char *why)
{
	redis_link_say(l, "%s", why);
	redis_link_close(l);
	l->busy = false;
	return REDIS_LINK_DOWN;
}

enum redis_link_state
redis_link_starve(struct redis_link *l)
{
	(void)redis_link_down(l, "out of memory");
	return REDIS_LINK_STARVED;
}

/* hiredis has said what is wrong. */
static enum redis_link_state
broken(struct redis_link *l)
{
	int err = l->c->err;

	if (err == REDIS_ERR_OOM)
		return redis_link_starve(l);
	if (err == REDIS_ERR_PROTOCOL)
		redis_link_say(l,
		    "does not answer as Redis does (%s); is this its port?",
		    l->c->errstr);
	else if (err == REDIS_ERR_EOF)
		redis_link_say(l, "Redis closed the connection");
	else
		redis_link_say(l, "%s", l->c->errstr);
	redis_link_close(l);
	l->busy = false;
	return err == REDIS_ERR_PROTOCOL ? REDIS_LINK_BAD : REDIS_LINK_DOWN;
}

enum redis_link_state
redis_link_late(struct redis_link *l, const char *why)
{
	if (!l->busy)
		return redis_link_down(l, why);
	redis_link_close(l);
	return REDIS_LINK_BUSY;
}

enum redis_link_state
redis_link_await(struct redis_link *l, short events, int64_t deadline_ms)
{
	struct pollfd p = { l->c->fd, events, 0 };
	int64_t left;
	int n;

	for (;;) {
		left = deadline_ms - clock_mono_ms();
		if (left <= 0)
			return redis_link_late(l, "no answer in time");
		n = poll(&p, 1, left > INT16_MAX ? INT16_MAX : (int)left);
		if (n > 0)
			return REDIS_LINK_OK;
		if (n == -1 && errno != EINTR)
			return redis_link_down(l, strerror(errno));
		if (n == -1 && l->stop != NULL && *l->stop)
			return redis_link_down(l, "interrupted");
	}
}

/* Write what the socket takes. */
static enum redis_link_state
push(struct redis_link *l)
{
	int done = 0;

	if (!l->queued)
		return REDIS_LINK_OK;
	if (redisBufferWrite(l->c, &done) == REDIS_ERR)
		return broken(l);
	l->queued = !done;
	return REDIS_LINK_OK;
}

enum redis_link_state
redis_link_flush(struct redis_link *l, int64_t deadline_ms)
{
	enum redis_link_state state;

	while (l->c != NULL && l->queued) {
		if ((state = push(l)) != REDIS_LINK_OK)
			return state;
		if (!l->queued)
			break;
		/*
		 * Replies that nobody reads would make Redis stop reading: so
		 * they are taken in while there is something left to write.
		 */
		state = redis_link_await(l, POLLIN | POLLOUT, deadline_ms);
		if (state != REDIS_LINK_OK)
			return state;
		if (redisBufferRead(l->c) == REDIS_ERR)
			return broken(l);
	}
	return l->c == NULL ? REDIS_LINK_DOWN : REDIS_LINK_OK;
}

enum redis_link_state
redis_link_send(struct redis_link *l, const struct bus_command *c)
{
	if (l->c == NULL)
		return REDIS_LINK_DOWN;
	if (redisAppendCommandArgv(l->c, c->argc, c->argv, c->argvlen) ==
	    REDIS_ERR)
		return broken(l);
	l->queued = true;
	return REDIS_LINK_OK;
}

enum redis_link_state
redis_link_send_bytes(struct redis_link *l, const void *p, size_t len)
{
	if (l->c == NULL)
		return REDIS_LINK_DOWN;
	if (redisAppendFormattedCommand(l->c, p, len) == REDIS_ERR)
		return broken(l);
	l->queued = true;
	return REDIS_LINK_OK;
}

/* A reply that has been read already. */
static enum redis_link_state
take(struct redis_link *l, redisReply **r)
{
	void *reply = NULL;

	*r = NULL;
	if (redisGetReplyFromReader(l->c, &reply) == REDIS_ERR)
		return broken(l);
	*r = reply;
	return REDIS_LINK_OK;
}

/* What was asked of it is done; what is said at the opening is not that. */
static void
taken(struct redis_link *l, const redisReply *r)
{
	if (r != NULL && r->type != REDIS_REPLY_ERROR)
		l->busy = false;
}

enum redis_link_state
redis_link_poll(struct redis_link *l, redisReply **r)
{
	enum redis_link_state state;
	struct pollfd p;

	*r = NULL;
	if (l->c == NULL)
		return REDIS_LINK_DOWN;
	if ((state = push(l)) != REDIS_LINK_OK)
		return state;
	state = take(l, r);
	p = (struct pollfd){ l->c == NULL ? -1 : l->c->fd, POLLIN, 0 };
	if (state == REDIS_LINK_OK && *r == NULL && poll(&p, 1, 0) > 0)
		state = redisBufferRead(l->c) == REDIS_ERR ? broken(l)
							   : take(l, r);
	taken(l, *r);
	return state;
}

enum redis_link_state
redis_link_read(struct redis_link *l, redisReply **r, int64_t deadline_ms)
{
	enum redis_link_state state;

	*r = NULL;
	if ((state = redis_link_flush(l, deadline_ms)) != REDIS_LINK_OK)
		return state;
	for (;;) {
		if ((state = take(l, r)) != REDIS_LINK_OK || *r != NULL)
			return state;
		if ((state = redis_link_await(l, POLLIN, deadline_ms)) !=
		    REDIS_LINK_OK)
			return state;
		if (redisBufferRead(l->c) == REDIS_ERR)
			return broken(l);
	}
}

enum redis_link_state
redis_link_reply(struct redis_link *l, redisReply **r, int64_t deadline_ms)
{
	enum redis_link_state state = redis_link_read(l, r, deadline_ms);

	taken(l, *r);
	return state;
}

/* The names are on another node: that is where to connect to next. */
static enum redis_link_state
follow(struct redis_link *l, const redisReply *r)
{
	struct sse_text host;
	int port;

	if (l->prefix != NULL && !bus_prefix_tagged(l->prefix)) {
		redis_link_say(l,
		    "this is a Redis Cluster: the prefix needs a hash tag, as "
		    "in --prefix '{sse}:'");
		return REDIS_LINK_CONFIG;
	}
	redis_link_say(l, "%s", bus_error(r));
	redis_link_close(l);
	l->moved = bus_moved(r, &host, &port) && host.len < REDIS_WHERE_MAX;
	if (l->moved && host.len > 0)
		snprintf(l->where.host, REDIS_WHERE_MAX, "%.*s", (int)host.len,
		    host.ptr);
	if (l->moved)
		l->where.port = port;
	return REDIS_LINK_DOWN;
}

enum redis_link_state
redis_link_wait(struct redis_link *l, unsigned int replicas, int64_t ms,
    int64_t deadline_ms, redisReply **r)
{
	char text[64];
	int n = snprintf(
	    text, sizeof(text), "WAIT %u %lld\r\n", replicas, (long long)ms);
	enum redis_link_state state = redis_link_send_bytes(l, text, (size_t)n);

	*r = NULL;
	return state == REDIS_LINK_OK ? redis_link_reply(l, r, deadline_ms)
				      : state;
}

enum redis_link_state
redis_link_refused(
    struct redis_link *l, enum bus_answer answer, const redisReply *r)
{
	const char *remedy = "";

	if (answer == BUS_MOVED || answer == BUS_SPLIT)
		return follow(l, r);
	if (answer == BUS_DENIED && l->u->password == NULL)
		remedy = " (give the password in SSE_REDIS_PASSWORD or "
			 "SSE_REDIS_PASSWORD_FILE)";
	else if (answer == BUS_DENIED)
		remedy = " (is it the right user and password?)";
	redis_link_say(l, "%s%s", bus_error(r), remedy);
	if (answer == BUS_DENIED)
		return REDIS_LINK_DENIED;
	if (answer != BUS_BUSY)
		return REDIS_LINK_BAD;
	/* A master that was: who is one now is found by connecting anew. */
	if (strncmp(bus_error(r), "READONLY", 8) == 0)
		redis_link_close(l);
	l->busy = true;
	return REDIS_LINK_BUSY;
}
