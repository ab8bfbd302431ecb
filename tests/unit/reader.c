#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "own_redis.h"
#include "reader.h"
#include "redis_link.h"

#define WAIT_MS 20000

static struct own_redis redis;
static struct bus_conf conf;
static struct redis_link *writer;

static int
group_setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	own_redis_start(&redis, "no");
	writer = redis_link_new(&redis.u);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	redis_link_free(writer);
	own_redis_end(&redis);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	conf = BUS_CONF_DEFAULT;
	own_redis_tell(&redis, "FLUSHALL");
	return 0;
}

/* The URL of the test's Redis with channels; free it with the reader. */
static struct redis_url
url_of(const char *channels)
{
	struct redis_url u;
	const char *fault;
	char s[256];

	snprintf(s, sizeof(s), "redis:%s", channels);
	assert_int_equal(redis_url_parse(&u, s, redis.url, NULL, &fault), 0);
	return u;
}

/* As reader_next(), waiting as long as there is nothing. */
static enum reader_what
next(struct reader *r, struct bus_entry *e)
{
	int64_t until = clock_mono_ms() + WAIT_MS;
	enum reader_what what;

	while ((what = reader_next(r, e)) == READER_WAIT) {
		if (clock_mono_ms() > until)
			fail_msg("nothing comes: %s", reader_fault(r));
		reader_wait(r, NULL, 0, 1000);
	}
	if (what == READER_FAULT)
		fail_msg("fault: %s", reader_fault(r));
	return what;
}

static void
expect(struct reader *r, enum reader_what what)
{
	struct bus_entry e;

	assert_int_equal(next(r, &e), what);
}

static struct bus_entry
expect_event(struct reader *r, const char *channel, const char *data)
{
	struct bus_entry e;

	assert_int_equal(next(r, &e), READER_EVENT);
	if (!text_is(e.ev.data, data) || !text_is(e.ev.channel, channel))
		fail_msg("%.*s: %.*s, not %s: %s", (int)e.ev.channel.len,
		    e.ev.channel.ptr, (int)e.ev.data.len, e.ev.data.ptr,
		    channel, data);
	return e;
}

static void
expect_nothing(struct reader *r)
{
	struct bus_entry e;

	for (int i = 0; i < 5; i++) {
		assert_int_equal(reader_next(r, &e), READER_WAIT);
		reader_wait(r, NULL, 0, 10);
	}
}

static void
publish_by(struct redis_link *l, const struct bus_batch *b)
{
	enum bus_answer answer;
	redisReply *reply;

	assert_int_equal(redis_link_publish(l, b, clock_mono_ms() + WAIT_MS,
			     &answer, NULL, &reply, NULL),
	    REDIS_LINK_OK);
	assert_int_equal(answer, BUS_OK);
	freeReplyObject(reply);
}

static void
add(struct bus_batch *b, const char *channel, const char *data)
{
	struct event ev = EVENT_NONE;

	ev.channel = text_of(channel);
	ev.data = text_of(data);
	ev.has_data = true;
	assert_int_equal(bus_batch_add(b, &ev, TEXT("")), 0);
}

static void
publish(const char *channel, const char *data)
{
	struct bus_batch *b = bus_batch_new(&conf);

	add(b, channel, data);
	publish_by(writer, b);
	bus_batch_free(b);
}

static void
publish_many(const char *channel, int n)
{
	struct bus_batch *b = bus_batch_new(&conf);
	char data[16];

	for (int i = 0; i < n; i++) {
		snprintf(data, sizeof(data), "%d", i);
		add(b, channel, data);
	}
	publish_by(writer, b);
	bus_batch_free(b);
}

/* Cut every link but that of the command itself. */
static void
cut(void)
{
	own_redis_tell(&redis, "CLIENT KILL TYPE pubsub");
	own_redis_tell(&redis, "CLIENT KILL TYPE normal SKIPME yes");
}

static void
test_from_now(void **state)
{
	struct redis_url u = url_of("a,b");
	struct reader *r;
	struct bus_entry e;

	(void)state;
	publish("a", "before");
	r = reader_new(&conf, &u, PLACE_ZERO);
	expect(r, READER_OPEN);
	expect_nothing(r);
	assert_false(place_is_zero(reader_place(r)));
	publish("b", "one");
	publish("other", "none of ours");
	publish("a", "two");
	expect_event(r, "b", "one");
	e = expect_event(r, "a", "two");
	assert_int_equal(place_cmp(reader_place(r), e.place), 0);
	expect_nothing(r);
	reader_free(r);
	redis_url_free(&u);
}

static void
test_raw(void **state)
{
	struct redis_url u = url_of("a");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	struct place before;
	struct bus_entry e;

	(void)state;
	expect(r, READER_OPEN);
	publish("a", "one");
	expect_event(r, "a", "one");
	before = reader_place(r);
	own_redis_tell(&redis, "PUBLISH sse:a %s", "raw");
	own_redis_tell(&redis, "PUBLISH sse:a %s", "");
	e = expect_event(r, "a", "raw");
	assert_false(e.ev.has_id);
	assert_true(place_is_zero(e.place));
	expect_event(r, "a", "");
	assert_int_equal(place_cmp(reader_place(r), before), 0);
	reader_free(r);
	redis_url_free(&u);
}

/* The logs of all channels merged, over many pages, then live. */
static void
test_behind(void **state)
{
	struct redis_url u = url_of("a,b,empty");
	struct bus_batch *b = bus_batch_new(&conf);
	struct reader *r;
	char data[16];

	(void)state;
	conf.log_count = 3000;
	publish("a", "first");
	own_redis_tell(&redis, "SET first %s", "x");
	for (int i = 0; i < 2000; i++) {
		/* Unevenly spread: first all of a, then of both, then of b. */
		snprintf(data, sizeof(data), "%d", i);
		add(b, i < 700 ? "a" : i < 1300 && i % 3 ? "a" : "b", data);
		if (bus_batch_count(b) == 100) {
			publish_by(writer, b);
			bus_batch_clear(b);
		}
	}
	r = reader_new(&conf, &u, (struct place){ 0, 1 });
	expect(r, READER_OPEN);
	expect_event(r, "a", "first");
	for (int i = 0; i < 2000; i++) {
		snprintf(data, sizeof(data), "%d", i);
		expect_event(r,
		    i < 700                 ? "a"
			: i < 1300 && i % 3 ? "a"
					    : "b",
		    data);
	}
	publish("empty", "live");
	expect_event(r, "empty", "live");
	expect_nothing(r);
	bus_batch_free(b);
	reader_free(r);
	redis_url_free(&u);
}

/* The page that was asked for early is none of those that are read anew. */
static void
test_rewind_in_log(void **state)
{
	struct redis_url u = url_of("a,b");
	struct place places[400];
	struct reader *r;
	char data[16];
	int at = 0;

	(void)state;
	publish_many("a", 400);
	publish("b", "last");
	r = reader_new(&conf, &u, (struct place){ 0, 1 });
	expect(r, READER_OPEN);
	for (int rounds = 0; rounds < 6; rounds++) {
		for (int n = 0; n < 190; n++, at++) {
			snprintf(data, sizeof(data), "%d", at);
			places[at] = expect_event(r, "a", data).place;
		}
		at -= 150;
		reader_rewind(r, places[at - 1]);
	}
	for (; at < 400; at++) {
		snprintf(data, sizeof(data), "%d", at);
		expect_event(r, "a", data);
	}
	expect_event(r, "b", "last");
	publish("a", "live");
	expect_event(r, "a", "live");
	expect_nothing(r);
	reader_free(r);
	redis_url_free(&u);
}

static void
test_rewind(void **state)
{
	struct redis_url u = url_of("a,b");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	struct place one;

	(void)state;
	expect(r, READER_OPEN);
	publish("a", "one");
	publish("b", "two");
	publish("a", "three");
	one = expect_event(r, "a", "one").place;
	expect_event(r, "b", "two");
	reader_rewind(r, one);
	assert_int_equal(place_cmp(reader_place(r), one), 0);
	expect_event(r, "b", "two");
	publish("b", "four");
	expect_event(r, "a", "three");
	expect_event(r, "b", "four");
	expect_nothing(r);
	reader_rewind(r, one);
	reader_rewind(r, one);
	expect_event(r, "b", "two");
	expect_event(r, "a", "three");
	expect_event(r, "b", "four");
	expect_nothing(r);
	reader_free(r);
	redis_url_free(&u);
}

/* What passes while the link is cut comes from the log. */
static void
test_cut(void **state)
{
	struct redis_url u = url_of("a,b");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);

	(void)state;
	expect(r, READER_OPEN);
	for (int i = 0; i < 5; i++) {
		publish("a", "one");
		expect_event(r, "a", "one");
		cut();
		publish("b", "two");
		publish("a", "three");
		expect(r, READER_LOST);
		assert_non_null(strstr(reader_fault(r), redis.url));
		expect(r, READER_OPEN);
		expect_event(r, "b", "two");
		expect_event(r, "a", "three");
	}
	reader_free(r);
	redis_url_free(&u);
}

/* Attached while Redis was empty: what came later is not lost, nor a gap. */
static void
test_empty_at_first(void **state)
{
	struct redis_url u = url_of("b");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);

	(void)state;
	expect(r, READER_OPEN);
	expect_nothing(r);
	cut();
	publish("a", "one");
	publish("b", "two");
	expect(r, READER_LOST);
	expect(r, READER_OPEN);
	expect_event(r, "b", "two");
	expect_nothing(r);
	reader_free(r);
	redis_url_free(&u);
}

/* The same with more than a page of them. */
static void
test_many_at_first(void **state)
{
	struct redis_url u = url_of("a");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	char data[16];

	(void)state;
	expect(r, READER_OPEN);
	expect_nothing(r);
	cut();
	publish_many("a", 700);
	expect(r, READER_LOST);
	expect(r, READER_OPEN);
	for (int i = 0; i < 700; i++) {
		snprintf(data, sizeof(data), "%d", i);
		expect_event(r, "a", data);
	}
	expect_nothing(r);
	reader_free(r);
	redis_url_free(&u);
}

/* What is published while the log is read comes once, and behind it. */
static void
test_live_meanwhile(void **state)
{
	struct redis_url u = url_of("a,b");
	struct reader *r = reader_new(&conf, &u, (struct place){ 0, 1 });
	char data[16];

	(void)state;
	publish_many("a", 600);
	expect(r, READER_OPEN);
	for (int i = 0; i < 600; i++) {
		snprintf(data, sizeof(data), "%d", i);
		expect_event(r, "a", data);
		if (i == 10)
			publish_many("b", 3);
		if (i == 20)
			publish_many("a", 3);
	}
	for (int i = 0; i < 6; i++) {
		snprintf(data, sizeof(data), "%d", i % 3);
		expect_event(r, i < 3 ? "b" : "a", data);
	}
	expect_nothing(r);
	reader_free(r);
	redis_url_free(&u);
}

/* A probe's answer is not taken for another's. */
static void
test_probe_in_flight(void **state)
{
	struct redis_url u = url_of("a");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	struct place one;
	struct bus_entry e;

	(void)state;
	reader_set_patience(r, 1, READER_TIMEOUT_MS);
	expect(r, READER_OPEN);
	publish("a", "one");
	one = expect_event(r, "a", "one").place;
	publish("a", "two");
	for (int i = 0; i < 100; i++) {
		expect_event(r, "a", "two");
		/* Once for the marker of attaching, once to probe. */
		for (int j = 0; j < 2; j++) {
			poll(NULL, 0, 3);
			assert_int_equal(reader_next(r, &e), READER_WAIT);
		}
		reader_rewind(r, one);
	}
	expect_event(r, "a", "two");
	reader_free(r);
	redis_url_free(&u);
}

static void
expect_gap(struct reader *r, struct place after, bool oldest)
{
	struct bus_entry e;

	assert_int_equal(next(r, &e), READER_GAP);
	assert_int_equal(place_cmp(e.prev, after), 0);
	assert_int_equal(!place_is_zero(e.place), oldest);
}

/* A log shorter than what was missed: a gap, then what is left. */
static void
test_trimmed(void **state)
{
	struct redis_url u = url_of("a,b");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	struct place one;

	(void)state;
	conf.log_count = 10;
	expect(r, READER_OPEN);
	publish("a", "one");
	one = expect_event(r, "a", "one").place;
	cut();
	publish("b", "in b"); /* older than what is missing of a */
	publish_many("a", 1000);
	own_redis_tell(&redis, "XTRIM sse:log:a MAXLEN 1");
	expect(r, READER_LOST);
	expect(r, READER_OPEN);
	expect_gap(r, one, true);
	expect_event(r, "b", "in b");
	expect_event(r, "a", "999");
	expect_nothing(r);
	reader_free(r);
	redis_url_free(&u);
}

/* The log is trimmed while it is read. */
static void
test_trimmed_meanwhile(void **state)
{
	struct redis_url u = url_of("a");
	struct reader *r = reader_new(&conf, &u, (struct place){ 0, 1 });
	enum reader_what what;
	struct bus_entry e;
	struct place before = PLACE_ZERO;
	int n = 0;

	(void)state;
	publish_many("a", 900);
	expect(r, READER_OPEN);
	while ((what = next(r, &e)) == READER_EVENT) {
		before = e.place;
		if (++n == 100)
			own_redis_tell(&redis, "XTRIM sse:log:a MAXLEN 2");
	}
	assert_int_equal(what, READER_GAP);
	assert_in_range(n, 100, 800);
	assert_int_equal(place_cmp(e.prev, before), 0);
	expect_event(r, "a", "898");
	expect_event(r, "a", "899");
	expect_nothing(r);
	reader_free(r);
	redis_url_free(&u);
}

/* A message that went lost on the way is seen by the next one's prev. */
static void
test_live_gap(void **state)
{
	char lost[128];
	struct redis_url u = url_of("a");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	struct place one;

	(void)state;
	expect(r, READER_OPEN);
	publish("a", "one");
	one = expect_event(r, "a", "one").place;
	snprintf(lost, sizeof(lost), "id: %llu-5\nprev: %llu-3\ndata: x\n\n",
	    (unsigned long long)one.ms + 60000,
	    (unsigned long long)one.ms + 60000);
	own_redis_tell(&redis, "PUBLISH sse:a %s", lost);
	expect_gap(r, one, true);
	expect_event(r, "a", "x");
	reader_free(r);
	redis_url_free(&u);
}

/* A place of an earlier life of Redis, or of another one. */
static void
test_before_birth(void **state)
{
	struct redis_url u = url_of("a");
	struct place old = { 1000, 0 };
	struct reader *r;

	(void)state;
	publish("a", "one");
	r = reader_new(&conf, &u, old);
	expect(r, READER_OPEN);
	expect_gap(r, old, true);
	expect_event(r, "a", "one");
	expect_nothing(r);
	reader_free(r);
	redis_url_free(&u);
}

/* No log at all: what was missed is a gap, and said so. */
static void
test_unlogged(void **state)
{
	struct redis_url u = url_of("a");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	struct place one;

	(void)state;
	conf.log_count = 0;
	expect(r, READER_OPEN);
	publish("a", "one");
	one = expect_event(r, "a", "one").place;
	cut();
	expect(r, READER_LOST);
	expect(r, READER_OPEN);
	expect_nothing(r); /* nothing was missed */
	cut();
	publish("a", "two");
	expect(r, READER_LOST);
	expect(r, READER_OPEN);
	expect_gap(r, one, false);
	publish("a", "three");
	expect_event(r, "a", "three");
	expect_nothing(r);
	reader_free(r);
	redis_url_free(&u);
}

/* Redis forgot everything: said, and the new history is read from its start. */
static void
test_forked(void **state)
{
	struct redis_url u = url_of("a");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	struct place one;

	(void)state;
	expect(r, READER_OPEN);
	own_redis_tell(&redis, "SET sse:last 9000000000000-0");
	publish("a", "one");
	one = expect_event(r, "a", "one").place;
	own_redis_tell(&redis, "FLUSHALL");
	cut();
	publish("a", "two"); /* minted by the clock, far below one */
	expect(r, READER_LOST);
	expect(r, READER_OPEN);
	expect_gap(r, one, false);
	/* What was minted before we came back is behind that gap; from here
	   on places stand above all we saw. */
	publish("a", "three");
	assert_true(place_cmp(expect_event(r, "a", "three").place, one) > 0);
	expect_nothing(r);
	/* The same behind our back, the link unbroken. */
	own_redis_tell(&redis, "FLUSHALL");
	one = reader_place(r);
	publish("a", "four");
	expect_gap(r, one, true);
	expect_event(r, "a", "four");
	publish("a", "five");
	expect_event(r, "a", "five");
	reader_free(r);
	redis_url_free(&u);
}

/* Redis forgot what it gave, and has gone on since, further: one gap. */
static void
test_forked_behind(void **state)
{
	struct redis_url u = url_of("a");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	char last[PLACE_LEN];
	struct place two;

	(void)state;
	for (int live = 0; live < 2; live++) {
		expect(r, READER_OPEN);
		publish("a", "one");
		expect_event(r, "a", "one");
		publish("a", "two");
		two = expect_event(r, "a", "two").place;
		place_format(two, last);
		own_redis_tell(&redis, "FLUSHALL");
		own_redis_tell(&redis, "SET sse:last %s", last);
		cut();
		if (!live)
			publish("a", "three");
		expect(r, READER_LOST);
		expect(r, READER_OPEN);
		expect_gap(r, two, !live);
		if (live)
			publish("a", "three");
		expect_event(r, "a", "three");
		expect_nothing(r);
		cut();
		expect(r, READER_LOST);
	}
	reader_free(r);
	redis_url_free(&u);
}

/* Rewound before it is back: it lacks nothing of what Redis forgot. */
static void
test_forked_rewound(void **state)
{
	struct redis_url u = url_of("a");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	char last[PLACE_LEN];
	struct place one;

	(void)state;
	expect(r, READER_OPEN);
	publish("a", "one");
	one = expect_event(r, "a", "one").place;
	place_format(one, last);
	own_redis_tell(&redis, "COPY sse:log:a kept");
	publish("a", "two");
	expect_event(r, "a", "two");
	own_redis_tell(&redis, "COPY kept sse:log:a REPLACE");
	own_redis_tell(&redis, "SET sse:last %s", last);
	cut();
	expect(r, READER_LOST);
	reader_rewind(r, one);
	expect(r, READER_OPEN);
	publish("a", "three");
	expect_event(r, "a", "three");
	expect_nothing(r);
	reader_free(r);
	redis_url_free(&u);
}

/* A last event ID of nowhere: a gap, then what comes. */
static void
test_unknown_place(void **state)
{
	struct redis_url u = url_of("a");
	struct place ahead = { UINT64_MAX, 0 };
	struct reader *r;
	redisReply *reply;

	(void)state;
	publish("a", "one");
	r = reader_new(&conf, &u, ahead);
	expect(r, READER_OPEN);
	expect_gap(r, ahead, false);
	publish("a", "two");
	expect_event(r, "a", "two");
	reply = own_redis_do(&redis, "GET sse:last");
	assert_null(strstr(reply->str, "18446744073709551615"));
	freeReplyObject(reply);
	reader_free(r);
	redis_url_free(&u);
}

static void
test_refused(void **state)
{
	struct redis_url u = url_of("a");
	struct bus_entry e;
	struct reader *r;

	(void)state;
	own_redis_tell(&redis, "CONFIG SET requirepass %s", "secret");
	r = reader_new(&conf, &u, PLACE_ZERO);
	assert_int_equal(reader_next(r, &e), READER_FAULT);
	assert_int_equal(reader_status(r), 77);
	assert_non_null(strstr(reader_fault(r), "SSE_REDIS_PASSWORD"));
	assert_int_equal(reader_next(r, &e), READER_FAULT);
	reader_free(r);
	redis_url_free(&u);
	{
		redisContext *c = redisConnectUnix(redis.path);

		freeReplyObject(redisCommand(c, "AUTH secret"));
		freeReplyObject(
		    redisCommand(c, "CONFIG SET requirepass %s", ""));
		redisFree(c);
	}
}

static void
test_nobody_there(void **state)
{
	struct redis_url u;
	const char *fault;
	struct bus_entry e;
	struct reader *r;

	(void)state;
	assert_int_equal(redis_url_parse(&u, "redis:a",
			     "redis+unix:///nowhere/r.sock", NULL, &fault),
	    0);
	r = reader_new(&conf, &u, PLACE_ZERO);
	assert_int_equal(reader_next(r, &e), READER_LOST);
	assert_non_null(strstr(reader_fault(r), "/nowhere/r.sock"));
	for (int i = 0; i < 20; i++) {
		assert_int_equal(reader_next(r, &e), READER_WAIT);
		reader_wait(r, NULL, 0, 10);
	}
	reader_free(r);
	redis_url_free(&u);
}

/* A wait ends for others' descriptors, too. */
static void
test_wait(void **state)
{
	struct redis_url u = url_of("a");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	struct pollfd extra[READER_EXTRA_MAX + 1];
	int fds[2];

	(void)state;
	expect(r, READER_OPEN);
	expect_nothing(r);
	assert_int_equal(pipe(fds), 0);
	extra[0] = (struct pollfd){ fds[0], POLLIN, 0 };
	assert_int_equal(reader_wait(r, extra, 1, 10), 0);
	assert_int_equal(extra[0].revents, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(reader_wait(r, extra, 1, 10000), 1);
	assert_int_equal(extra[0].revents, POLLIN);
	assert_int_equal(reader_wait(r, extra, READER_EXTRA_MAX + 1, 0), -1);
	close(fds[0]);
	close(fds[1]);
	reader_free(r);
	redis_url_free(&u);
}

/* Silence: the probe keeps a living link and finds a dead one. */
static void
test_silence(void **state)
{
	struct redis_url u = url_of("a");
	struct reader *r = reader_new(&conf, &u, PLACE_ZERO);
	int64_t until = clock_mono_ms() + 500;
	struct place before;
	struct bus_entry e;

	(void)state;
	reader_set_patience(r, 200, 300);
	expect(r, READER_OPEN);
	expect_nothing(r);
	before = reader_place(r);
	publish("other", "moves the place");
	while (clock_mono_ms() < until) {
		assert_int_equal(reader_next(r, &e), READER_WAIT);
		reader_wait(r, NULL, 0, 50);
	}
	/* The probe's marker told how far the namespace is. */
	assert_true(place_cmp(reader_place(r), before) > 0);
	kill(redis.pid, SIGSTOP);
	expect(r, READER_LOST);
	kill(redis.pid, SIGCONT);
	reader_set_patience(r, READER_QUIET_MS, READER_TIMEOUT_MS);
	expect(r, READER_OPEN);
	publish("a", "again");
	expect_event(r, "a", "again");
	reader_free(r);
	redis_url_free(&u);
}

/*
 * Five publishers to five channels at once, the reader cut off again and again:
 * every event comes once, in the order of places.
 */
#define PUBLISHERS 5
#define EACH 2000

static void *
publisher(void *arg)
{
	const int *me = arg;
	struct redis_link *l = redis_link_new(&redis.u);
	struct bus_batch *b = bus_batch_new(&conf);
	char channel[2] = "a", data[32], name[16];
	uint64_t number = 0;

	snprintf(name, sizeof(name), "p%d", *me);
	for (int i = 0; i < EACH;) {
		int n = 1 + (int)arc4random_uniform(20);

		bus_batch_clear(b);
		for (; n > 0 && i < EACH; n--, i++) {
			channel[0] = (char)('a' + arc4random_uniform(5));
			snprintf(data, sizeof(data), "%d %d", *me, i);
			add(b, channel, data);
		}
		bus_batch_set_producer(b, name, ++number);
		publish_by(l, b);
	}
	bus_batch_free(b);
	redis_link_free(l);
	return NULL;
}

static void
test_cut_off(void **state)
{
	struct redis_url u = url_of("a,b,c,d,e");
	struct reader *r;
	struct place before = PLACE_ZERO;
	pthread_t threads[PUBLISHERS];
	int ids[PUBLISHERS], due[PUBLISHERS] = { 0 }, got = 0, lost = 0;
	enum reader_what what;
	struct bus_entry e;

	(void)state;
	conf.log_count = 20000;
	r = reader_new(&conf, &u, PLACE_ZERO);
	expect(r, READER_OPEN);
	expect_nothing(r);
	for (int i = 0; i < PUBLISHERS; i++) {
		ids[i] = i;
		pthread_create(&threads[i], NULL, publisher, &ids[i]);
	}
	while (got < PUBLISHERS * EACH) {
		char data[32], *end;
		int who, which;

		switch (next(r, &e)) {
		case READER_LOST:
			lost++;
			continue;
		case READER_OPEN:
			continue;
		case READER_EVENT:
			break;
		default:
			fail_msg("a gap after %d events", got);
		}
		strlcpy(data, e.ev.data.ptr,
		    e.ev.data.len < 31 ? e.ev.data.len + 1 : 31);
		who = (int)strtol(data, &end, 10);
		which = (int)strtol(end, NULL, 10);
		assert_in_range(who, 0, PUBLISHERS - 1);
		assert_int_equal(which, due[who]);
		due[who]++;
		assert_true(place_cmp(e.place, before) > 0);
		assert_int_equal(place_cmp(reader_place(r), e.place), 0);
		before = e.place;
		if (++got % 700 == 0) {
			if (got % 1400 == 0)
				own_redis_tell(
				    &redis, "CLIENT KILL TYPE pubsub");
			else
				cut();
		}
	}
	for (int i = 0; i < PUBLISHERS; i++)
		pthread_join(threads[i], NULL);
	/* Nothing comes twice: what comes next is what is published next. */
	publish("a", "end");
	while ((what = next(r, &e)) == READER_LOST || what == READER_OPEN)
		;
	assert_int_equal(what, READER_EVENT);
	assert_true(text_is(e.ev.data, "end"));
	assert_true(lost >= 5);
	reader_free(r);
	redis_url_free(&u);
}

/*
 * Whatever happens, in whatever order: events come in the order of places, each
 * once, and one that does not come is behind a gap; no gap is said without one.
 */
#define STEPS 600

struct history {
	struct place *all; /* of the channels that are read */
	size_t n, cap;
	size_t next;   /* the first that was not handed out */
	size_t missed; /* passed over so far */
	size_t gaps;
	bool gap;          /* was said: for what is missing before until */
	size_t until;      /* what was there when it was said */
	size_t missed_yet; /* and what had been passed over then */
};

static void
history_publish(struct history *h)
{
	struct bus_batch *b = bus_batch_new(&conf);
	size_t n = 1 + arc4random_uniform(8);
	struct bus_minted m[8];
	enum bus_answer answer;
	redisReply *reply;
	bool ours[8];

	for (size_t i = 0; i < n; i++) {
		char name[2] = { (char)('a' + arc4random_uniform(4)), '\0' };

		ours[i] = name[0] != 'd';
		add(b, name, "x");
	}
	assert_int_equal(
	    redis_link_publish(
		writer, b, clock_mono_ms() + WAIT_MS, &answer, m, &reply, NULL),
	    REDIS_LINK_OK);
	assert_int_equal(answer, BUS_OK);
	freeReplyObject(reply);
	bus_batch_free(b);
	for (size_t i = 0; i < n; i++) {
		if (!ours[i])
			continue;
		assert_true(h->n < h->cap);
		h->all[h->n++] = m[i].place;
	}
}

/* The gap is over: something has to be missing in it. */
static void
history_close_gap(struct history *h)
{
	if (h->gap && h->missed == h->missed_yet)
		fail_msg("a gap is said, and nothing is missing");
	h->gap = false;
}

/* The reader has handed out the event at p. */
static void
history_event(struct history *h, struct place p)
{
	size_t before = h->next;

	while (h->next < h->n && place_cmp(h->all[h->next], p) < 0)
		h->next++;
	assert_true(h->next < h->n);
	assert_int_equal(place_cmp(h->all[h->next], p), 0);
	h->missed += h->next - before;
	if (!h->gap && h->next > before)
		fail_msg("%zu events are missing, and no gap is said",
		    h->next - before);
	if (h->next++ >= h->until)
		history_close_gap(h);
}

/* One gap may be said for several channels, and again after a lost link. */
static void
history_gap(struct history *h)
{
	if (!h->gap)
		h->missed_yet = h->missed;
	h->gap = true;
	h->until = h->n;
	h->gaps++;
}

static void
history_read(struct history *h, struct reader *r, size_t most)
{
	struct bus_entry e;

	while (most-- > 0)
		switch (reader_next(r, &e)) {
		case READER_WAIT:
			reader_wait(r, NULL, 0, 1);
			break;
		case READER_EVENT:
			history_event(h, e.place);
			break;
		case READER_GAP:
			assert_int_equal(place_cmp(e.prev, reader_place(r)), 0);
			history_gap(h);
			break;
		case READER_FAULT:
			fail_msg("%s", reader_fault(r));
			break;
		default:
			break;
		}
}

static const char *const history_names[] = { "a", "b", "c" };

/* A gap for certain, as the dice may come to none. */
static void
history_lose(struct history *h)
{
	cut();
	while (h->next == h->n)
		history_publish(h);
	for (size_t i = 0; i < 3; i++)
		own_redis_tell(
		    &redis, "XTRIM sse:log:%s MAXLEN 0", history_names[i]);
}

static void
history_step(struct history *h, struct reader *r)
{
	unsigned int dice = arc4random_uniform(100);

	if (dice < 60)
		history_publish(h);
	else if (dice < 62)
		own_redis_tell(&redis, "CLIENT KILL TYPE pubsub");
	else if (dice < 64)
		cut();
	else if (dice < 66) {
		cut();
		history_publish(h);
		own_redis_tell(&redis, "XTRIM sse:log:%s MAXLEN %u",
		    history_names[arc4random_uniform(3)],
		    arc4random_uniform(4));
	} else
		history_read(h, r, arc4random_uniform(30));
}

static void
test_history(void **state)
{
	struct redis_url u = url_of("a,b,c");
	struct history h = { .cap = (size_t)STEPS * 8 };
	struct reader *r;

	(void)state;
	conf.log_count = 100000;
	h.all = calloc(h.cap, sizeof(*h.all));
	history_publish(&h); /* so that there is a birth */
	r = reader_new(&conf, &u, PLACE_ZERO);
	expect(r, READER_OPEN);
	h.next = h.n;
	history_lose(&h);
	for (int i = 0; i < STEPS; i++)
		history_step(&h, r);
	/* The last one is not trimmed, so that there is an end. */
	do
		history_publish(&h);
	while (h.n == 0 || place_cmp(h.all[h.n - 1], reader_place(r)) <= 0);
	while (h.next < h.n)
		history_read(&h, r, 1);
	history_close_gap(&h);
	assert_true(h.n > STEPS && h.gaps > 0 && h.missed > 0);
	free(h.all);
	reader_free(r);
	redis_url_free(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_from_now, setup),
		cmocka_unit_test_setup(test_raw, setup),
		cmocka_unit_test_setup(test_behind, setup),
		cmocka_unit_test_setup(test_rewind, setup),
		cmocka_unit_test_setup(test_rewind_in_log, setup),
		cmocka_unit_test_setup(test_cut, setup),
		cmocka_unit_test_setup(test_empty_at_first, setup),
		cmocka_unit_test_setup(test_many_at_first, setup),
		cmocka_unit_test_setup(test_live_meanwhile, setup),
		cmocka_unit_test_setup(test_probe_in_flight, setup),
		cmocka_unit_test_setup(test_trimmed, setup),
		cmocka_unit_test_setup(test_trimmed_meanwhile, setup),
		cmocka_unit_test_setup(test_live_gap, setup),
		cmocka_unit_test_setup(test_before_birth, setup),
		cmocka_unit_test_setup(test_unlogged, setup),
		cmocka_unit_test_setup(test_forked, setup),
		cmocka_unit_test_setup(test_forked_behind, setup),
		cmocka_unit_test_setup(test_forked_rewound, setup),
		cmocka_unit_test_setup(test_unknown_place, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_nobody_there, setup),
		cmocka_unit_test_setup(test_wait, setup),
		cmocka_unit_test_setup(test_silence, setup),
		cmocka_unit_test_setup(test_cut_off, setup),
		cmocka_unit_test_setup(test_history, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
