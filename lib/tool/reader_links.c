#include <stdlib.h>
#include <string.h>

#include "reader.h"
#include "reader_links.h"
#include "redis_reply.h"
#include "units.h"

struct reader_links {
	const struct bus_conf *conf;
	struct redis_link *sub;
	struct redis_link *cmd;
	char marker[BUS_MARKER_LEN];
	unsigned long long sent;   /* markers */
	unsigned long long passed; /* of them */
	unsigned long long attach; /* the one that attach sent */
	unsigned int probes;       /* whose answers are still to be read */
	bool ahead;                /* behind those one that is wanted */
	int64_t heard_ms;          /* when the Pub/Sub link last spoke */
	int64_t sent_ms;           /* when the last marker left */
	int quiet_ms;
	int timeout_ms;
	char fault[512];
};

struct reader_links *
reader_links_new(const struct bus_conf *conf, const struct redis_url *u)
{
	struct reader_links *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->conf = conf;
	l->quiet_ms = READER_QUIET_MS;
	l->timeout_ms = READER_TIMEOUT_MS;
	bus_marker_name(conf, l->marker);
	l->sub = redis_link_new(u);
	l->cmd = redis_link_new(u);
	if (l->sub == NULL || l->cmd == NULL) {
		reader_links_free(l);
		return NULL;
	}
	redis_link_set_home(l->sub, conf->prefix);
	redis_link_set_home(l->cmd, conf->prefix);
	redis_link_set_pool(l->cmd);
	return l;
}

void
reader_links_free(struct reader_links *l)
{
	if (l == NULL)
		return;
	redis_link_free(l->sub);
	redis_link_free(l->cmd);
	free(l);
}

void
reader_links_set_stop(struct reader_links *l, const volatile sig_atomic_t *stop)
{
	redis_link_set_stop(l->sub, stop);
	redis_link_set_stop(l->cmd, stop);
}

void
reader_links_set_patience(struct reader_links *l, int quiet_ms, int timeout_ms)
{
	l->quiet_ms = quiet_ms;
	l->timeout_ms = timeout_ms;
}

void
reader_links_close(struct reader_links *l)
{
	redis_link_close(l->sub);
	redis_link_close(l->cmd);
	l->sent = l->passed = l->attach = 0;
	l->probes = 0;
	l->ahead = false;
}

const char *
reader_links_fault(const struct reader_links *l)
{
	return l->fault;
}

static int64_t
deadline(const struct reader_links *l)
{
	return clock_mono_ms() + l->timeout_ms;
}

static enum redis_link_state
fail(struct reader_links *l, const char *why, enum redis_link_state state)
{
	strlcpy(l->fault, why, sizeof(l->fault));
	reader_links_close(l);
	return state;
}

static enum redis_link_state
fail_link(struct reader_links *l, const struct redis_link *of,
    enum redis_link_state state)
{
	return fail(l, redis_link_fault(of), state);
}

enum redis_link_state
reader_links_starve(struct reader_links *l)
{
	return fail(l, "out of memory", REDIS_LINK_STARVED);
}

enum redis_link_state
reader_links_refused(
    struct reader_links *l, enum bus_answer answer, const redisReply *r)
{
	return fail_link(l, l->cmd, redis_link_refused(l->cmd, answer, r));
}

/* The names of all that is subscribed, as one command. */
static int
subscribe_command(const struct reader_links *l, const struct sse_text *channels,
    size_t n, struct bus_command *c)
{
	const char *p;

	memset(c, 0, sizeof(*c));
	c->argv = calloc(n + 2, sizeof(*c->argv));
	c->argvlen = calloc(n + 2, sizeof(*c->argvlen));
	if (c->argv == NULL || c->argvlen == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		size_t before = c->mem.len;

		if (bus_topic(l->conf, channels[i], &c->mem) == -1)
			return -1;
		c->argvlen[i + 2] = c->mem.len - before;
	}
	c->argc = (int)n + 2;
	c->argv[0] = "SUBSCRIBE";
	c->argvlen[0] = strlen(c->argv[0]);
	c->argv[1] = l->marker;
	c->argvlen[1] = strlen(l->marker);
	p = c->mem.ptr;
	for (size_t i = 2; i < n + 2; p += c->argvlen[i++])
		c->argv[i] = p;
	return 0;
}

/* SUBSCRIBE, and see each name confirmed. */
static enum redis_link_state
subscribe(struct reader_links *l, const struct sse_text *channels, size_t n)
{
	enum redis_link_state state;
	enum bus_answer answer;
	struct bus_command c;
	redisReply *r;

	if (subscribe_command(l, channels, n, &c) == -1) {
		bus_command_free(&c);
		return reader_links_starve(l);
	}
	state = redis_link_send(l->sub, &c);
	bus_command_free(&c);
	for (size_t i = 0; i <= n && state == REDIS_LINK_OK; i++) {
		state = redis_link_reply(l->sub, &r, deadline(l));
		if (state != REDIS_LINK_OK)
			break;
		if ((answer = bus_answer_of(r)) != BUS_OK)
			state = redis_link_refused(l->sub, answer, r);
		freeReplyObject(r);
	}
	return state == REDIS_LINK_OK ? state : fail_link(l, l->sub, state);
}

enum redis_link_state
reader_links_open(
    struct reader_links *l, const struct sse_text *channels, size_t n)
{
	enum redis_link_state state;

	if ((state = redis_link_open(l->sub, deadline(l))) != REDIS_LINK_OK)
		return fail_link(l, l->sub, state);
	if ((state = subscribe(l, channels, n)) != REDIS_LINK_OK)
		return state;
	if ((state = redis_link_open(l->cmd, deadline(l))) != REDIS_LINK_OK)
		return fail_link(l, l->cmd, state);
	return REDIS_LINK_OK;
}

static enum redis_link_state
send_command(struct reader_links *l, int made, struct bus_command *c)
{
	enum redis_link_state state;

	if (made == -1)
		return reader_links_starve(l);
	state = redis_link_send(l->cmd, c);
	bus_command_free(c);
	return state == REDIS_LINK_OK ? state : fail_link(l, l->cmd, state);
}

enum redis_link_state
reader_links_ask(
    struct reader_links *l, int made, struct bus_command *c, redisReply **r)
{
	enum redis_link_state state = send_command(l, made, c);

	return state == REDIS_LINK_OK ? reader_links_answer(l, r) : state;
}

enum redis_link_state
reader_links_ahead(struct reader_links *l, int made, struct bus_command *c)
{
	enum redis_link_state state = send_command(l, made, c);

	if (state != REDIS_LINK_OK)
		return state;
	l->ahead = true;
	state = redis_link_flush(l->cmd, deadline(l));
	return state == REDIS_LINK_OK ? state : fail_link(l, l->cmd, state);
}

void
reader_links_forget(struct reader_links *l)
{
	l->probes += l->ahead;
	l->ahead = false;
}

enum redis_link_state
reader_links_answer(struct reader_links *l, redisReply **r)
{
	enum redis_link_state state = REDIS_LINK_OK;

	l->ahead = false;
	while (state == REDIS_LINK_OK) {
		state = redis_link_reply(l->cmd, r, deadline(l));
		if (state != REDIS_LINK_OK || l->probes == 0)
			break;
		/* The answers to probes come first. */
		l->probes--;
		redis_reply_free(*r);
	}
	return state == REDIS_LINK_OK ? state : fail_link(l, l->cmd, state);
}

enum redis_link_state
reader_links_attach(struct reader_links *l, const struct sse_text *channels,
    size_t n, struct place after, unsigned int count, redisReply **r)
{
	struct bus_command c;
	int made = bus_attach_command(
	    l->conf, l->marker, channels, n, after, count, false, &c);

	l->attach = ++l->sent;
	l->sent_ms = clock_mono_ms();
	return reader_links_ask(l, made, &c, r);
}

bool
reader_links_passed(const struct reader_links *l)
{
	return l->passed >= l->attach;
}

void
reader_links_marker(struct reader_links *l)
{
	l->passed++;
}

void
reader_links_listen(struct reader_links *l)
{
	l->heard_ms = l->sent_ms = clock_mono_ms();
}

/* What the command link has to say to our probes. */
static enum redis_link_state
read_probes(struct reader_links *l)
{
	enum redis_link_state state;
	enum bus_answer answer;
	redisReply *r;

	for (;;) {
		state = redis_link_poll(l->cmd, &r);
		if (state != REDIS_LINK_OK)
			return fail_link(l, l->cmd, state);
		if (r == NULL)
			return REDIS_LINK_OK;
		l->probes -= l->probes > 0;
		if ((answer = bus_answer_of(r)) != BUS_OK)
			state = reader_links_refused(l, answer, r);
		redis_reply_free(r);
		if (state != REDIS_LINK_OK)
			return state;
	}
}

/* Silence may be a dead link: what we publish to ourselves has to come back. */
static enum redis_link_state
probe(struct reader_links *l)
{
	enum redis_link_state state;
	struct bus_command c;

	if ((state = read_probes(l)) != REDIS_LINK_OK ||
	    clock_mono_ms() < reader_links_due_ms(l))
		return state;
	if (l->passed < l->sent)
		return fail(l, "no sign of life from Redis", REDIS_LINK_DOWN);
	if (bus_attach_command(
		l->conf, l->marker, NULL, 0, PLACE_ZERO, 0, false, &c) == -1)
		return reader_links_starve(l);
	state = redis_link_send(l->cmd, &c);
	bus_command_free(&c);
	if (state != REDIS_LINK_OK)
		return fail_link(l, l->cmd, state);
	l->sent++;
	l->probes++;
	l->sent_ms = clock_mono_ms();
	return read_probes(l); /* and push it out */
}

enum redis_link_state
reader_links_message(struct reader_links *l, redisReply **r)
{
	enum redis_link_state state = redis_link_poll(l->sub, r);

	if (state != REDIS_LINK_OK)
		return fail_link(l, l->sub, state);
	if (*r == NULL)
		return probe(l);
	l->heard_ms = clock_mono_ms();
	return REDIS_LINK_OK;
}

int64_t
reader_links_due_ms(const struct reader_links *l)
{
	if (l->passed < l->sent)
		return l->sent_ms + l->timeout_ms;
	return l->heard_ms + l->quiet_ms;
}

void
reader_links_poll(const struct reader_links *l, struct pollfd fds[2])
{
	/* A descriptor of -1 is passed over. */
	fds[0] = (struct pollfd){ redis_link_fd(l->sub),
		redis_link_events(l->sub), 0 };
	fds[1] = (struct pollfd){ redis_link_fd(l->cmd),
		redis_link_events(l->cmd), 0 };
}
