#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus_args.h"
#include "redis_link.h"
#include "redis_sentinel.h"
#include "units.h"

#define FAULT_MAX 512
#define TRY_FIRST_MS 50 /* between tries, doubled up to the last */
#define TRY_LAST_MS 1000
#define HOPS_MAX 8 /* from node to node until it is found */
#define BUFFER_KEPT ((size_t)256 << 10) /* for replies; a larger one goes */

struct redis_link {
	const struct redis_url *u;
	redisContext *c;          /* NULL: not connected */
	bool queued;              /* something is still to be written */
	const char *prefix;       /* of the names to follow; NULL: none */
	struct redis_where where; /* it is connected to, or is to be */
	bool moved;               /* where is what a node said */
	bool busy; /* the last answer was that it is; fault says why */
	const volatile sig_atomic_t *stop;
	char fault[FAULT_MAX];
};

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

static void __attribute__((format(printf, 2, 3)))
say(struct redis_link *l, const char *fmt, ...)
{
	int n = snprintf(l->fault, sizeof(l->fault), "%s: ", l->u->shown);
	va_list ap;

	if (n < 0 || (size_t)n >= sizeof(l->fault))
		return;
	va_start(ap, fmt);
	vsnprintf(l->fault + n, sizeof(l->fault) - (size_t)n, fmt, ap);
	va_end(ap);
}

static enum redis_link_state
down(struct redis_link *l, const char *why)
{
	say(l, "%s", why);
	redis_link_close(l);
	l->busy = false;
	return REDIS_LINK_DOWN;
}

/* hiredis has said what is wrong. */
static enum redis_link_state
broken(struct redis_link *l)
{
	int err = l->c->err;

	if (err == REDIS_ERR_PROTOCOL)
		say(l, "does not answer as Redis does (%s); is this its port?",
		    l->c->errstr);
	else if (err == REDIS_ERR_EOF)
		say(l, "Redis closed the connection");
	else
		say(l, "%s", l->c->errstr);
	redis_link_close(l);
	l->busy = false;
	return err == REDIS_ERR_PROTOCOL || err == REDIS_ERR_OOM
	    ? REDIS_LINK_BAD
	    : REDIS_LINK_DOWN;
}

/* The time is up.  That it was busy until then says more than that. */
static enum redis_link_state
late(struct redis_link *l, const char *why)
{
	if (!l->busy)
		return down(l, why);
	redis_link_close(l);
	return REDIS_LINK_BUSY;
}

/* Wait until the descriptor is ready; DOWN or BUSY when the time is up. */
static enum redis_link_state
await(struct redis_link *l, short events, int64_t deadline_ms)
{
	struct pollfd p = { l->c->fd, events, 0 };
	int64_t left;
	int n;

	for (;;) {
		left = deadline_ms - clock_mono_ms();
		if (left <= 0)
			return late(l, "no answer in time");
		n = poll(&p, 1, left > INT16_MAX ? INT16_MAX : (int)left);
		if (n > 0)
			return REDIS_LINK_OK;
		if (n == -1 && errno != EINTR)
			return down(l, strerror(errno));
		if (n == -1 && l->stop != NULL && *l->stop)
			return down(l, "interrupted");
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
		state = await(l, POLLIN | POLLOUT, deadline_ms);
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

static enum redis_link_state
read_reply(struct redis_link *l, redisReply **r, int64_t deadline_ms)
{
	enum redis_link_state state;

	*r = NULL;
	if ((state = redis_link_flush(l, deadline_ms)) != REDIS_LINK_OK)
		return state;
	for (;;) {
		if ((state = take(l, r)) != REDIS_LINK_OK || *r != NULL)
			return state;
		if ((state = await(l, POLLIN, deadline_ms)) != REDIS_LINK_OK)
			return state;
		if (redisBufferRead(l->c) == REDIS_ERR)
			return broken(l);
	}
}

enum redis_link_state
redis_link_reply(struct redis_link *l, redisReply **r, int64_t deadline_ms)
{
	enum redis_link_state state = read_reply(l, r, deadline_ms);

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
		say(l,
		    "this is a Redis Cluster: the prefix needs a hash tag, as "
		    "in --prefix '{sse}:'");
		return REDIS_LINK_CONFIG;
	}
	say(l, "%s", bus_error(r));
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
	say(l, "%s%s", bus_error(r), remedy);
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

/* Where to connect to, unless a node has said it; of no use to Unix sockets. */
static enum redis_link_state
locate(struct redis_link *l, int64_t deadline_ms)
{
	char fault[SENTINEL_FAULT_MAX];

	if (l->moved || l->u->path != NULL)
		return REDIS_LINK_OK;
	if (l->u->master != NULL &&
	    redis_sentinel_ask(l->u, deadline_ms, &l->where, fault) == -1)
		return down(l, fault);
	if (l->u->master != NULL)
		return REDIS_LINK_OK;
	l->where.port = l->u->port;
	if (strlcpy(l->where.host, l->u->host, REDIS_WHERE_MAX) >=
	    REDIS_WHERE_MAX)
		return down(l, "the name of the host is too long");
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
		return late(l, "no time left to connect");
	tv.tv_sec = (time_t)(left / 1000);
	tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
	l->c = l->u->path != NULL
	    ? redisConnectUnixWithTimeout(l->u->path, tv)
	    : redisConnectWithTimeout(l->where.host, l->where.port, tv);
	l->moved = false; /* that node may be gone the next time */
	if (l->c == NULL) {
		say(l, "out of memory");
		return REDIS_LINK_BAD;
	}
	if (l->c->err && l->busy && clock_mono_ms() >= deadline_ms)
		return late(l, l->c->errstr);
	if (l->c->err) {
		say(l,
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
		return down(l, strerror(errno));
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

	if (len == -1) {
		redis_link_close(l);
		say(l, "out of memory");
		return REDIS_LINK_BAD;
	}
	for (size_t at = 0; at < (size_t)len && state == REDIS_LINK_OK;) {
		n = send(
		    l->c->fd, command + at, (size_t)len - at, MSG_NOSIGNAL);
		if (n > 0)
			at += (size_t)n;
		else if (errno == EAGAIN)
			state = await(l, POLLOUT, deadline_ms);
		else if (errno != EINTR)
			state = down(l, strerror(errno));
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

	if ((state = read_reply(l, &r, deadline_ms)) != REDIS_LINK_OK)
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
		state = read_reply(l, &r, deadline_ms);
	if (state != REDIS_LINK_OK)
		return state;
	/* Who may not ask finds out by publishing. */
	master = r->type == REDIS_REPLY_ERROR ||
	    (r->type == REDIS_REPLY_ARRAY && r->elements > 0 &&
		text_is(bus_reply_text(r->element[0]), "master"));
	freeReplyObject(r);
	return master ? REDIS_LINK_OK : down(l, "it is not the master (yet)");
}

/* Any answer will do, or one from where the names are. */
static enum redis_link_state
see_home(struct redis_link *l, int64_t deadline_ms)
{
	enum redis_link_state state;
	struct bus_command c;

	if (l->prefix == NULL)
		return command(l, deadline_ms, "PING", NULL);
	if (bus_home_command(l->prefix, &c) == -1) {
		redis_link_close(l);
		say(l, "out of memory");
		return REDIS_LINK_BAD;
	}
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
		if (!l->moved)
			return state;
	}
	return down(l, "its nodes point to each other");
}

/* Sleep, at most until the deadline.  False when there is no more time. */
static bool
pause_until(struct redis_link *l, int64_t *pause_ms, int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_mono_ms();
	int64_t ms = *pause_ms / 2 +
	    (int64_t)arc4random_uniform((uint32_t)*pause_ms / 2 + 1);

	*pause_ms = *pause_ms * 2 < TRY_LAST_MS ? *pause_ms * 2 : TRY_LAST_MS;
	if (left <= 0)
		return false;
	poll(NULL, 0, (int)(ms < left ? ms : left));
	return ms < left && (l->stop == NULL || !*l->stop);
}

/* Send it once and read the answer. */
static enum redis_link_state
publish_once(struct redis_link *l, const struct bus_batch *batch, bool by_sha,
    int64_t deadline_ms, redisReply **r)
{
	enum redis_link_state state;
	struct bus_command c;

	if ((state = redis_link_open(l, deadline_ms)) != REDIS_LINK_OK)
		return state;
	if (bus_batch_command(batch, by_sha, &c) == -1) {
		redis_link_close(l);
		say(l, "out of memory");
		return REDIS_LINK_BAD;
	}
	state = redis_link_send(l, &c);
	bus_command_free(&c);
	if (state != REDIS_LINK_OK)
		return state;
	return redis_link_reply(l, r, deadline_ms);
}

enum redis_link_state
redis_link_publish(struct redis_link *l, const struct bus_batch *batch,
    int64_t deadline_ms, enum bus_answer *answer, struct bus_minted *minted,
    redisReply **reply, struct sse_text *mark)
{
	int64_t pause_ms = TRY_FIRST_MS;
	enum redis_link_state state;
	bool by_sha = true;

	for (;;) {
		*reply = NULL;
		state = publish_once(l, batch, by_sha, deadline_ms, reply);
		if (state == REDIS_LINK_OK) {
			*answer = bus_batch_answer(batch, *reply, minted, mark);
			if (*answer == BUS_OK || *answer == BUS_MARK_MOVED)
				return REDIS_LINK_OK;
			if (*answer == BUS_NOSCRIPT && !by_sha)
				*answer = BUS_REFUSED; /* no Redis says so */
			if (*answer != BUS_NOSCRIPT)
				state = redis_link_refused(l, *answer, *reply);
			if (*answer == BUS_ORDER || *answer == BUS_REFUSED)
				return REDIS_LINK_OK;
			by_sha = *answer != BUS_NOSCRIPT;
			freeReplyObject(*reply);
			*reply = NULL;
			if (!by_sha)
				continue; /* at once, by its text */
		}
		if ((state != REDIS_LINK_DOWN && state != REDIS_LINK_BUSY) ||
		    !pause_until(l, &pause_ms, deadline_ms))
			return state;
	}
}
