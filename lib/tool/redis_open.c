#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bus_args.h"
#include "redis_link_inner.h"
#include "redis_reply.h"
#include "units.h"

#define HOPS_MAX 8 /* from node to node until it is found */
#define BUFFER_KEPT ((size_t)256 << 10) /* for replies; a larger one goes */

/* Where to connect to, unless a node has said it; of no use to Unix sockets. */
static enum redis_link_state
locate(struct redis_link *l, int64_t deadline_ms)
{
	char fault[SENTINEL_FAULT_MAX];

	if (l->moved || l->u->path != NULL)
		return REDIS_LINK_OK;
	if (l->u->master != NULL &&
	    redis_sentinel_ask(l->u, deadline_ms, &l->where, fault) == -1)
		return redis_link_down(l, fault);
	if (l->u->master != NULL)
		return REDIS_LINK_OK;
	l->where.port = l->u->port;
	if (strlcpy(l->where.host, l->u->host, REDIS_WHERE_MAX) >=
	    REDIS_WHERE_MAX)
		return redis_link_down(l, "the name of the host is too long");
	return REDIS_LINK_OK;
}

/* Connect; of a name with several addresses, the first that answers. */
static enum redis_link_state
connect_within(struct redis_link *l, int64_t deadline_ms)
{
	enum redis_link_state state = locate(l, deadline_ms);
	int64_t left = deadline_ms - clock_mono_ms();
	struct timeval tv;
	int flags;

	if (state != REDIS_LINK_OK)
		return state;
	if (left <= 0)
		return redis_link_late(l, "no time left to connect");
	tv.tv_sec = (time_t)(left / 1000);
	tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
	l->c = l->u->path != NULL
	    ? redisConnectUnixWithTimeout(l->u->path, tv)
	    : redisConnectWithTimeout(l->where.host, l->where.port, tv);
	l->moved = false; /* that node may be gone the next time */
	if (l->c == NULL)
		return redis_link_starve(l);
	if (l->c->err && l->busy && clock_mono_ms() >= deadline_ms)
		return redis_link_late(l, l->c->errstr);
	if (l->c->err) {
		redis_link_say(l,
		    "%s (is Redis running there? -r or SSE_REDIS_URL names "
		    "another)",
		    l->c->errstr);
		redis_link_close(l);
		l->busy = false;
		return REDIS_LINK_DOWN;
	}
	/* From here on waiting is up to us; hiredis would wait for ever. */
	flags = fcntl(l->c->fd, F_GETFL);
	if (flags == -1 || fcntl(l->c->fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return redis_link_down(l, strerror(errno));
	fcntl(l->c->fd, F_SETFD, FD_CLOEXEC);
	l->c->flags &= ~REDIS_BLOCK;
	l->c->reader->maxbuf = BUFFER_KEPT;
	return REDIS_LINK_OK;
}

/* Write a command that leaves no copy of itself in a buffer of hiredis. */
static enum redis_link_state
write_secret(struct redis_link *l, int argc, const char **argv,
    const size_t *argvlen, int64_t deadline_ms)
{
	enum redis_link_state state = REDIS_LINK_OK;
	char *command = NULL;
	int len = redisFormatCommandArgv(&command, argc, argv, argvlen);
	ssize_t n;

	if (len == -1)
		return redis_link_starve(l);
	for (size_t at = 0; at < (size_t)len && state == REDIS_LINK_OK;) {
		n = send(
		    l->c->fd, command + at, (size_t)len - at, MSG_NOSIGNAL);
		if (n > 0)
			at += (size_t)n;
		else if (errno == EAGAIN)
			state = redis_link_await(l, POLLOUT, deadline_ms);
		else if (errno != EINTR)
			state = redis_link_down(l, strerror(errno));
	}
	freezero(command, (size_t)len);
	return state;
}

/* A command's answer has to be a success. */
static enum redis_link_state
expect(struct redis_link *l, int64_t deadline_ms)
{
	enum redis_link_state state;
	enum bus_answer answer;
	redisReply *r;

	if ((state = redis_link_read(l, &r, deadline_ms)) != REDIS_LINK_OK)
		return state;
	if ((answer = bus_answer_of(r)) != BUS_OK) {
		state = redis_link_refused(l, answer, r);
		redis_link_close(l);
	}
	freeReplyObject(r);
	return state;
}

static enum redis_link_state
authenticate(struct redis_link *l, int64_t deadline_ms)
{
	const struct redis_url *u = l->u;
	const char *argv[3] = { "AUTH", u->password, NULL };
	size_t len[3] = { 4, 0, 0 };
	enum redis_link_state state;
	int argc = 2;

	if (u->password == NULL)
		return REDIS_LINK_OK;
	if (u->user != NULL) {
		argv[1] = u->user;
		argv[argc++] = u->password;
	}
	for (int i = 1; i < argc; i++)
		len[i] = strlen(argv[i]);
	state = write_secret(l, argc, argv, len, deadline_ms);
	return state == REDIS_LINK_OK ? expect(l, deadline_ms) : state;
}

/* A command of plain words, and its success. */
static enum redis_link_state
command(struct redis_link *l, int64_t deadline_ms, const char *a, const char *b)
{
	const char *argv[2] = { a, b };
	size_t len[2] = { strlen(a), b == NULL ? 0 : strlen(b) };
	struct bus_command c = { b == NULL ? 1 : 2, argv, len, { NULL, 0, 0 } };
	enum redis_link_state state = redis_link_send(l, &c);

	return state == REDIS_LINK_OK ? expect(l, deadline_ms) : state;
}

/* The sentinels may not have noticed yet that this is no master any more. */
static enum redis_link_state
see_master(struct redis_link *l, int64_t deadline_ms)
{
	const char *argv[1] = { "ROLE" };
	size_t len[1] = { 4 };
	struct bus_command c = { 1, argv, len, { NULL, 0, 0 } };
	enum redis_link_state state = redis_link_send(l, &c);
	redisReply *r;
	bool master;

	if (state == REDIS_LINK_OK)
		state = redis_link_read(l, &r, deadline_ms);
	if (state != REDIS_LINK_OK)
		return state;
	/* Who may not ask finds out by publishing. */
	master = r->type == REDIS_REPLY_ERROR ||
	    (r->type == REDIS_REPLY_ARRAY && r->elements > 0 &&
		text_is(bus_reply_text(r->element[0]), "master"));
	freeReplyObject(r);
	return master ? REDIS_LINK_OK
		      : redis_link_down(l, "it is not the master (yet)");
}

/* Any answer will do, or one from where the names are. */
static enum redis_link_state
see_home(struct redis_link *l, int64_t deadline_ms)
{
	enum redis_link_state state;
	struct bus_command c;

	if (l->prefix == NULL)
		return command(l, deadline_ms, "PING", NULL);
	if (bus_home_command(l->prefix, &c) == -1)
		return redis_link_starve(l);
	state = redis_link_send(l, &c);
	bus_command_free(&c);
	return state == REDIS_LINK_OK ? expect(l, deadline_ms) : state;
}

static enum redis_link_state
open_once(struct redis_link *l, int64_t deadline_ms)
{
	enum redis_link_state state;
	char db[16];

	snprintf(db, sizeof(db), "%d", l->u->db);
	state = connect_within(l, deadline_ms);
	if (state == REDIS_LINK_OK)
		state = authenticate(l, deadline_ms);
	if (state == REDIS_LINK_OK && l->u->db != 0)
		state = command(l, deadline_ms, "SELECT", db);
	if (state == REDIS_LINK_OK && l->u->master != NULL)
		state = see_master(l, deadline_ms);
	return state == REDIS_LINK_OK ? see_home(l, deadline_ms) : state;
}

enum redis_link_state
redis_link_open(struct redis_link *l, int64_t deadline_ms)
{
	enum redis_link_state state;

	if (l->c != NULL)
		return REDIS_LINK_OK;
	for (int hops = 0; hops < HOPS_MAX; hops++) {
		state = open_once(l, deadline_ms);
		if (state == REDIS_LINK_OK && l->pool)
			redis_reply_pool(l->c->reader);
		if (!l->moved)
			return state;
	}
	return redis_link_down(l, "its nodes point to each other");
}
