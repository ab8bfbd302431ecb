/*
 * The loop and the Redis sink against a Redis that is made up here: it loses
 * connections before and after it has run a command, restarts without its
 * newest writes, is emptied, is busy, and has another relay of the same name at
 * work.  Time is made up, too, so that thousands of courses take no time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "../../../cmd/sse-relay/relay.h"
#include "redis_link.h"
#include "units.h"

#define EVENTS 200
#define PUBLISHED_MAX 4096
#define PRODUCERS 2048
#define BATCH_ROOM ((size_t)4 * BUS_BATCH_EVENTS)

/* Random numbers that a failure can be repeated with. */
static uint64_t seed;

static unsigned int
below(unsigned int n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned int)(seed >> 33) % n;
}

static bool
chance(unsigned int percent)
{
	return below(100) < percent;
}

/* A number as it stands in marks and data; none is 0. */
static int
number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

/* Time. */
static int64_t now_ms;

int64_t
clock_mono_ms(void)
{
	return now_ms;
}

int64_t
clock_unix_ms(void)
{
	return 1763630000000 + now_ms;
}

/* Thousands of lives end with a message each. */
void
warnx(const char *fmt, ...)
{
	assert_non_null(fmt);
}

/* How likely each misfortune is, in percent. */
static struct {
	unsigned int lost;    /* a connection, at any use of it */
	unsigned int rival;   /* another relay publishes something */
	unsigned int busy;    /* Redis is */
	unsigned int emptied; /* all that it held is gone */
	unsigned int amnesia; /* it comes back without its newest writes */
	unsigned int denied;  /* the relay ends at once, as if it were killed */
	unsigned int silent;  /* it takes a command and never answers */
	bool anonymous;       /* some events have no ID */
} bad;

/* Redis: what was published, by number; where the mark is; who sent last. */
struct producer {
	char name[64];
	uint64_t number;
};

struct memory {
	int published[PUBLISHED_MAX];
	size_t n;
	char mark[32];
	struct producer producers[PRODUCERS];
	size_t nproducers;
};

static struct memory redis, disk;
static int forgotten; /* the last one published when it was emptied */

struct bus_batch {
	int numbers[BATCH_ROOM];
	size_t n;
	char producer[64];
	uint64_t number;
	char relay[64], from[32], to[32];
};

struct bus_batch *
bus_batch_new(const struct bus_conf *conf)
{
	(void)conf;
	return calloc(1, sizeof(struct bus_batch));
}

void
bus_batch_free(struct bus_batch *b)
{
	free(b);
}

void
bus_batch_clear(struct bus_batch *b)
{
	memset(b, 0, sizeof(*b));
}

static void
copy(char *to, size_t cap, struct sse_text t)
{
	assert_true(t.len < cap);
	memcpy(to, t.len > 0 ? t.ptr : "", t.len);
	to[t.len] = '\0';
}

/* An event's number is its data; its ID, if it has one, is the same. */
static int
number_of(const struct event *ev)
{
	char text[32];

	copy(text, sizeof(text), ev->data);
	return number(text);
}

int
bus_batch_add(struct bus_batch *b, const struct event *ev, struct sse_text once)
{
	assert_int_equal(once.len, 0);
	assert_true(b->n < BATCH_ROOM);
	assert_false(ev->has_id);
	b->numbers[b->n++] = number_of(ev);
	return 0;
}

size_t
bus_batch_count(const struct bus_batch *b)
{
	return b->n;
}

size_t
bus_batch_bytes(const struct bus_batch *b)
{
	return b->n;
}

int
bus_batch_set_producer(
    struct bus_batch *b, const char *producer, uint64_t number)
{
	snprintf(b->producer, sizeof(b->producer), "%s", producer);
	b->number = number;
	return 0;
}

int
bus_batch_set_mark(struct bus_batch *b, const char *relay, struct sse_text from,
    struct sse_text to)
{
	snprintf(b->relay, sizeof(b->relay), "%s", relay);
	copy(b->from, sizeof(b->from), from);
	copy(b->to, sizeof(b->to), to);
	return 0;
}

/* A command: its memory is a copy of the batch, or nothing to read the mark. */
int
bus_batch_command(const struct bus_batch *b, bool by_sha, struct bus_command *c)
{
	*c = (struct bus_command){ .argc = by_sha ? 1 : 2 };
	return sse_buf_append(&c->mem, b, sizeof(*b));
}

int
bus_mark_command(
    const struct bus_conf *conf, const char *relay, struct bus_command *c)
{
	(void)conf;
	assert_string_equal(relay, "me");
	*c = (struct bus_command){ .argc = 0 };
	return 0;
}

void
bus_command_free(struct bus_command *c)
{
	sse_buf_free(&c->mem);
}

/* A reply: integer is what it means, str the mark. */
static redisReply *
reply_new(enum bus_answer answer, const char *mark)
{
	redisReply *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->type = REDIS_REPLY_STRING;
	r->integer = answer;
	r->str = strdup(mark);
	r->len = strlen(mark);
	return r;
}

void
freeReplyObject(void *reply)
{
	if (reply != NULL)
		free(((redisReply *)reply)->str);
	free(reply);
}

size_t
bus_batch_refused(const redisReply *r, size_t *iter, struct sse_text *why)
{
	(void)r;
	(void)iter;
	(void)why;
	return 0;
}

enum bus_answer
bus_batch_answer(const struct bus_batch *b, const redisReply *r,
    struct bus_minted *minted, struct sse_text *mark)
{
	(void)b;
	(void)minted;
	*mark = (struct sse_text){ r->str, r->len };
	return (enum bus_answer)r->integer;
}

enum bus_answer
bus_mark_answer(const redisReply *r, struct sse_text *mark)
{
	return bus_batch_answer(NULL, r, NULL, mark);
}

static void
publish(int number)
{
	assert_true(redis.n < PUBLISHED_MAX);
	redis.published[redis.n++] = number;
}

static struct producer *
producer_of(const char *name)
{
	for (size_t i = 0; i < redis.nproducers; i++)
		if (strcmp(redis.producers[i].name, name) == 0)
			return &redis.producers[i];
	assert_true(redis.nproducers < PRODUCERS);
	memset(&redis.producers[redis.nproducers], 0, sizeof(struct producer));
	strcpy(redis.producers[redis.nproducers].name, name);
	return &redis.producers[redis.nproducers++];
}

/* The publish script, in the order of its checks. */
static redisReply *
run_script(const struct bus_command *c, bool first)
{
	struct bus_batch b;
	struct producer *p;

	memcpy(&b, c->mem.ptr, sizeof(b));
	p = producer_of(b.producer);
	if (*b.relay != '\0' && strcmp(redis.mark, b.from) != 0)
		return reply_new(BUS_MARK_MOVED, redis.mark);
	if (p->number != 0 && b.number <= p->number)
		return reply_new(BUS_OK, redis.mark);
	if (p->number != 0 && b.number != p->number + 1) {
		/* Only what it had and lost can be missing, or was refused. */
		assert_true(bad.amnesia > 0 || !first);
		return reply_new(BUS_ORDER, "");
	}
	for (size_t i = 0; i < b.n; i++)
		publish(b.numbers[i]);
	p->number = b.number;
	if (*b.relay != '\0')
		strcpy(redis.mark, b.to);
	return reply_new(BUS_OK, redis.mark);
}

/* Another relay of our name, which reads the same source. */
static void
rival(void)
{
	int at = number(redis.mark);
	int n = 1 + (int)below(20);

	if (*redis.mark == '\0')
		return;
	while (n-- > 0 && at < EVENTS)
		publish(++at);
	snprintf(redis.mark, sizeof(redis.mark), "%d", at);
}

#define REPLIES 8

struct redis_link {
	bool open;
	bool stuck;
	redisReply *replies[REPLIES]; /* to the commands that were sent */
	size_t n;
	int64_t at_ms; /* when the first is there */
};

struct redis_link *
redis_link_new(const struct redis_url *u)
{
	(void)u;
	return calloc(1, sizeof(struct redis_link));
}

void
redis_link_set_home(struct redis_link *l, const char *prefix)
{
	(void)l;
	(void)prefix;
}

void
redis_link_close(struct redis_link *l)
{
	while (l->n > 0)
		freeReplyObject(l->replies[--l->n]);
	l->open = false;
}

void
redis_link_free(struct redis_link *l)
{
	redis_link_close(l);
	free(l);
}

static void
forget(void)
{
	if (redis.n > 0)
		forgotten = redis.published[redis.n - 1];
	memset(&redis, 0, sizeof(redis));
	memset(&disk, 0, sizeof(disk));
}

static enum redis_link_state
lose(struct redis_link *l)
{
	redis_link_close(l);
	/* Without a mark it could not know what is missing. */
	if (chance(bad.emptied))
		forget();
	if (*disk.mark != '\0' && chance(bad.amnesia))
		redis = disk;
	return REDIS_LINK_DOWN;
}

enum redis_link_state
redis_link_open(struct redis_link *l, int64_t deadline_ms)
{
	assert_true(deadline_ms > now_ms);
	if (l->open)
		return REDIS_LINK_OK;
	if (chance(bad.lost))
		return REDIS_LINK_DOWN;
	l->open = true;
	l->stuck = false;
	return REDIS_LINK_OK;
}

enum redis_link_state
redis_link_send(struct redis_link *l, const struct bus_command *c)
{
	redisReply *r;

	assert_true(l->open);
	assert_true(l->n < REPLIES);
	if (chance(bad.denied))
		return REDIS_LINK_DENIED;
	if (chance(bad.lost))
		return lose(l);
	if (chance(bad.rival))
		rival();
	if (chance(10))
		disk = redis;
	if (c->argc == 0)
		r = reply_new(BUS_OK, redis.mark);
	else if (chance(bad.busy))
		r = reply_new(BUS_BUSY, "");
	else if (c->argc == 1 && chance(5))
		r = reply_new(BUS_NOSCRIPT, "");
	else
		r = run_script(c, l->n == 0);
	l->replies[l->n++] = r;
	if (chance(bad.lost))
		return lose(l);
	l->stuck = chance(bad.silent);
	l->at_ms = now_ms + below(20);
	return REDIS_LINK_OK;
}

enum redis_link_state
redis_link_poll(struct redis_link *l, redisReply **r)
{
	assert_true(l->open);
	*r = NULL;
	if (chance(bad.lost))
		return lose(l);
	if (l->n == 0 || l->stuck || l->at_ms > now_ms)
		return REDIS_LINK_OK;
	*r = l->replies[0];
	memmove(l->replies, l->replies + 1, --l->n * sizeof(*l->replies));
	l->at_ms = now_ms + below(3);
	return REDIS_LINK_OK;
}

enum redis_link_state
redis_link_reply(struct redis_link *l, redisReply **r, int64_t deadline_ms)
{
	assert_true(deadline_ms > now_ms);
	now_ms = l->stuck ? deadline_ms : l->at_ms;
	if (l->stuck)
		return lose(l);
	return redis_link_poll(l, r);
}

enum redis_link_state
redis_link_refused(
    struct redis_link *l, enum bus_answer answer, const redisReply *r)
{
	(void)l;
	(void)r;
	return answer == BUS_BUSY ? REDIS_LINK_BUSY : REDIS_LINK_BAD;
}

int
redis_link_fd(const struct redis_link *l)
{
	return l->open ? 0 : -1;
}

short
redis_link_events(const struct redis_link *l)
{
	(void)l;
	return POLLIN;
}

const char *
redis_link_fault(const struct redis_link *l)
{
	(void)l;
	return "redis://made.up: no luck";
}

/* The source: events 1 to EVENTS, a mark is the number of the last one. */
struct numbers {
	struct source source;
	int at;     /* handed out up to here */
	int newest; /* the furthest that it ever was */
	int mark;   /* the last one with an ID */
	bool resumable;
	char data[32], id[32], text[32];
};

static struct numbers *
of(struct source *s)
{
	return (struct numbers *)(void *)s;
}

static bool
anonymous(int number)
{
	return bad.anonymous && number % 3 == 0;
}

static enum source_what
numbers_next(struct source *s, struct event *ev)
{
	struct numbers *n = of(s);

	if (chance(5))
		return chance(50) ? SOURCE_LOST : SOURCE_OPEN;
	if (chance(30))
		return SOURCE_WAIT;
	if (n->at == EVENTS)
		return SOURCE_END;
	n->at++;
	if (n->newest < n->at)
		n->newest = n->at;
	*ev = EVENT_NONE;
	snprintf(n->data, sizeof(n->data), "%d", n->at);
	ev->data = text_of(n->data);
	ev->has_data = true;
	if (!anonymous(n->at)) {
		strcpy(n->id, n->data);
		ev->id = text_of(n->id);
		ev->has_id = true;
		n->mark = n->at;
	}
	return SOURCE_EVENT;
}

/*
 * The wait ends when it ends; all that matters is that time passes.  Not static,
 * for libc's header makes poll() an inline function, and clang minds.
 */
int passes(int timeout_ms);

int
passes(int timeout_ms)
{
	int most = timeout_ms == -1 || timeout_ms > 5 ? 5 : timeout_ms;

	now_ms += chance(20) && timeout_ms > 0 ? timeout_ms : most;
	return 0;
}

static int
numbers_wait(
    struct source *s, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	(void)s;
	extra[n - 1].revents = 0;
	return passes(timeout_ms);
}

int
poll(struct pollfd *p, nfds_t n, int timeout_ms)
{
	(void)p;
	(void)n;
	return passes(timeout_ms);
}

static struct sse_text
numbers_mark(struct source *s)
{
	struct numbers *n = of(s);

	snprintf(n->text, sizeof(n->text), "%d", n->mark);
	return text_of(n->text);
}

static int
numbers_rewind(struct source *s, struct sse_text mark)
{
	char text[32];

	copy(text, sizeof(text), mark);
	/* Behind nothing is from now on. */
	of(s)->at = mark.len > 0 ? number(text) : of(s)->newest;
	of(s)->mark = of(s)->at;
	return 0;
}

static const char *
numbers_say(struct source *s)
{
	(void)s;
	return "the source has had no luck";
}

static const struct source_ops numbers_ops = { .next = numbers_next,
	.wait = numbers_wait,
	.mark = numbers_mark,
	.rewind = numbers_rewind,
	.say = numbers_say,
	.where = numbers_say };

/* One life of the relay, from its mark on: its exit status. */
static int
live(bool marked)
{
	static char shown[] = "redis";
	const struct endpoint to = { .shown = shown };
	struct sink_redis_conf conf = { .to = &to,
		.name = marked ? "me" : NULL,
		.verbose = -1,
		.cargo = { .make = cargo_channels_new, .batch_events = 8 } };
	struct tally tally = { .began_ms = 0 };
	struct numbers n = { .source = { &numbers_ops, marked } };
	struct carry carry = { .fault = event_fault,
		.name = "me",
		.channel = "c",
		.mint = true,
		.routed = true };
	struct relay r = { .source = &n.source,
		.carry = &carry,
		.tally = &tally,
		.verbose = -1 };
	int status = sink_redis_new(&r.sink, &conf);

	if (status == 0) {
		if (marked)
			n.at = n.mark = number(redis.mark);
		status = relay_run(&r);
	}
	r.sink->ops->free(r.sink);
	carry_free(&carry);
	return status;
}

/* What was published is 1 to EVENTS, each once, in order. */
static void
check_published(bool all)
{
	int want = 1;

	for (size_t i = 0; i < redis.n; i++) {
		if (!all && anonymous(redis.published[i]))
			continue;
		while (!all && anonymous(want))
			want++;
		assert_int_equal(redis.published[i], want);
		want++;
	}
	while (!all && anonymous(want))
		want++;
	assert_true(want > EVENTS);
}

/* What was published since Redis was emptied: the last ones, in order. */
static void
check_rest(void)
{
	int first = EVENTS - (int)redis.n + 1;

	assert_true(first <= forgotten + 1);
	for (size_t i = 0; i < redis.n; i++)
		assert_int_equal(redis.published[i], first + (int)i);
}

static void
course(bool marked, bool all)
{
	int lives = 0, status;

	forget();
	forgotten = 0;
	while ((status = live(marked)) != EX_OK ||
	    (bad.amnesia > 0 && number(redis.mark) != EVENTS)) {
		assert_true(marked);
		assert_true(status == EX_OK || status == EX_NOPERM ||
		    status == EX_UNAVAILABLE || status == EX_TEMPFAIL);
		if (++lives == 10000)
			fail_msg("it never ends");
	}
	if (bad.emptied > 0)
		check_rest();
	else
		check_published(all);
}

static void
courses(uint64_t n, bool marked, bool all)
{
	for (uint64_t i = 1; i <= n; i++) {
		seed = i;
		course(marked, all);
	}
}

static void
test_calm(void **state)
{
	(void)state;
	memset(&bad, 0, sizeof(bad));
	bad.anonymous = true;
	courses(50, true, true);
	courses(50, false, true);
}

/* One life long, events without an ID are published once as well. */
static void
test_lost_links(void **state)
{
	(void)state;
	memset(&bad, 0, sizeof(bad));
	bad.anonymous = true;
	bad.lost = 10;
	bad.busy = 10;
	bad.silent = 5;
	/* At the very start a loss ends it, with nothing done. */
	courses(300, true, true);
}

static void
test_killed(void **state)
{
	(void)state;
	memset(&bad, 0, sizeof(bad));
	bad.lost = 10;
	bad.denied = 10;
	bad.silent = 2;
	courses(300, true, true);
}

static void
test_rivals(void **state)
{
	(void)state;
	memset(&bad, 0, sizeof(bad));
	bad.rival = 20;
	bad.lost = 5;
	bad.denied = 2;
	courses(300, true, true);
}

static void
test_amnesia(void **state)
{
	(void)state;
	memset(&bad, 0, sizeof(bad));
	bad.amnesia = 50;
	bad.lost = 5;
	bad.rival = 5;
	bad.denied = 2;
	courses(300, true, true);
}

static void
test_emptied(void **state)
{
	(void)state;
	memset(&bad, 0, sizeof(bad));
	bad.emptied = 20;
	bad.lost = 10;
	bad.rival = 10;
	bad.silent = 2;
	courses(300, true, true);
}

static void
test_everything(void **state)
{
	(void)state;
	memset(&bad, 0, sizeof(bad));
	bad.amnesia = 10;
	bad.lost = 10;
	bad.rival = 10;
	bad.denied = 5;
	bad.busy = 10;
	bad.silent = 5;
	bad.anonymous = true;
	courses(300, true, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calm),
		cmocka_unit_test(test_lost_links),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_rivals),
		cmocka_unit_test(test_amnesia),
		cmocka_unit_test(test_emptied),
		cmocka_unit_test(test_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
