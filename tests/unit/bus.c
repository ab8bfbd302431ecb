#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bus.h"
#include "own_redis.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static struct own_redis redis;
static struct bus_conf conf;
static redisContext *c;

static int
group_setup(void **state)
{
	(void)state;
	own_redis_start(&redis, "no");
	c = own_redis_connect(&redis);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	redisFree(c);
	own_redis_end(&redis);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	conf = BUS_CONF_DEFAULT;
	freeReplyObject(redisCommand(c, "FLUSHALL"));
	return 0;
}

static redisReply *
run(struct bus_command *cmd)
{
	redisReply *r = redisCommandArgv(c, cmd->argc, cmd->argv, cmd->argvlen);

	assert_non_null(r);
	bus_command_free(cmd);
	return r;
}

static redisReply *
send_batch(const struct bus_batch *b)
{
	struct bus_command cmd;

	assert_int_equal(bus_batch_command(b, false, &cmd), 0);
	return run(&cmd);
}

static struct event
event(const char *channel, const char *data)
{
	struct event ev = EVENT_NONE;

	ev.channel = text_of(channel);
	ev.data = text_of(data);
	ev.has_data = true;
	return ev;
}

static void
add(struct bus_batch *b, const char *channel, const char *id, const char *data)
{
	struct event ev = event(channel, data);

	ev.id = text_of(id);
	ev.has_id = id != NULL;
	assert_int_equal(bus_batch_add(b, &ev, TEXT("")), 0);
}

/* Publish one event alone; its place.  minted may be asked for with its ID. */
static struct place
publish(const char *channel, const char *id, const char *data)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct bus_minted m;
	redisReply *r;

	add(b, channel, id, data);
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, &m, NULL), BUS_OK);
	assert_false(m.repeated);
	freeReplyObject(r);
	bus_batch_free(b);
	return m.place;
}

/* "NAME VALUE" of every key, sorted: to see that nothing was written. */
static char *
everything(void)
{
	static const char script[] =
	    "local t = {} for _, k in ipairs(redis.call('KEYS', '*')) do "
	    "t[#t + 1] = k .. ' ' .. redis.call('DUMP', k) end "
	    "table.sort(t) return redis.sha1hex(table.concat(t, ' '))";
	redisReply *r = redisCommand(c, "EVAL %s 0", script);
	char *digest;

	assert_int_equal(r->type, REDIS_REPLY_STRING);
	digest = strdup(r->str);
	freeReplyObject(r);
	return digest;
}

static struct place
last(void)
{
	redisReply *r = redisCommand(c, "GET sse:last");
	struct place p = PLACE_ZERO;

	if (r->type == REDIS_REPLY_STRING)
		assert_true(place_parse(r->str, r->len, &p));
	freeReplyObject(r);
	return p;
}

static void
set_last(const char *text)
{
	freeReplyObject(redisCommand(c, "SET sse:last %s", text));
}

static void
assert_place(struct place p, const char *want)
{
	char text[PLACE_LEN];

	place_format(p, text);
	assert_string_equal(text, want);
}

static redisReply *
attach_to(const char *channel, struct place after, unsigned int count)
{
	struct sse_text names[] = { text_of(channel) };
	struct bus_command cmd;

	assert_int_equal(bus_attach_command(&conf, "sse:marker,test", names, 1,
			     after, count, false, &cmd),
	    0);
	return run(&cmd);
}

static bool
same(struct sse_text a, struct sse_text b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.ptr, b.ptr, a.len));
}

static void
assert_event(const struct event *got, const struct event *want)
{
	assert_true(same(got->channel, want->channel));
	assert_true(same(got->type, want->type));
	assert_true(same(got->data, want->data));
	assert_true(same(got->match, want->match));
	assert_true(same(got->origin, want->origin));
	assert_true(same(got->via, want->via));
	assert_int_equal(got->retry_ms, want->retry_ms);
	assert_int_equal(got->expires_ms, want->expires_ms);
	assert_int_equal(got->high, want->high);
	assert_int_equal(got->has_data, want->has_data);
}

/* One channel's events of every shape: what is read is what was written. */
static const struct {
	const char *what;
	struct event ev;
	struct sse_text read; /* the data, where it is read otherwise */
} shapes[] = {
	{ "data", { .data = { "hello", 5 }, .retry_ms = -1, .expires_ms = -1 },
	    { NULL, 0 } },
	{ "empty data", { .data = { "", 0 }, .retry_ms = -1, .expires_ms = -1 },
	    { NULL, 0 } },
	{ "lines",
	    { .data = { "a\n\nb\n", 5 }, .retry_ms = -1, .expires_ms = -1 },
	    { NULL, 0 } },
	{ "CR and CRLF",
	    { .data = { "a\rb\r\nc\r", 7 }, .retry_ms = -1, .expires_ms = -1 },
	    { "a\nb\nc\n", 6 } },
	{ "spaces, colons, NUL",
	    { .data = { "  :\0 id: x", 10 }, .retry_ms = -1, .expires_ms = -1 },
	    { NULL, 0 } },
	{ "every field",
	    { .type = { "alert", 5 },
		.data = { "d", 1 },
		.match = { "a=b c=d", 7 },
		.origin = { "o p", 3 },
		.via = { "r1 r2", 5 },
		.retry_ms = 3000,
		.expires_ms = 1763630000250,
		.high = true },
	    { NULL, 0 } },
	{ "numbers at 0",
	    { .data = { "d", 1 }, .retry_ms = 0, .expires_ms = 0 },
	    { NULL, 0 } },
};

static void
assert_shape(struct bus_entry *e, size_t i, struct place place,
    struct place prev, const char *id)
{
	struct event want = shapes[i].ev;

	want.channel = TEXT("shapes");
	want.has_data = true;
	if (shapes[i].read.ptr != NULL)
		want.data = shapes[i].read;
	assert_event(&e->ev, &want);
	assert_true(e->ev.has_id);
	assert_true(text_is(e->ev.id, id));
	assert_int_equal(place_cmp(e->place, place), 0);
	assert_int_equal(place_cmp(e->prev, prev), 0);
}

/* Half of them with an ID of their own. */
static void
shape_id(size_t i, struct place p, char *id)
{
	if (i % 2 == 0)
		place_format(p, id);
	else
		snprintf(id, PLACE_LEN, "own %zu", i);
}

static void
test_round_trip(void **state)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct bus_live *live = bus_live_new(&conf);
	struct bus_minted m[nitems(shapes)];
	redisContext *sub = own_redis_connect(&redis);
	struct place horizon;
	struct bus_entry e;
	char id[PLACE_LEN];
	redisReply *r;

	(void)state;
	freeReplyObject(redisCommand(sub, "SUBSCRIBE sse:shapes"));
	for (size_t i = 0; i < nitems(shapes); i++) {
		struct event ev = shapes[i].ev;

		shape_id(i, PLACE_ZERO, id);
		ev.channel = TEXT("shapes");
		ev.has_data = true;
		ev.id = text_of(id);
		ev.has_id = i % 2 != 0;
		assert_int_equal(bus_batch_add(b, &ev, TEXT("")), 0);
	}
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, m, NULL), BUS_OK);
	for (size_t i = 0; i < nitems(shapes); i++) {
		shape_id(i, m[i].place, id);
		assert_true(text_is(m[i].id, id));
	}
	freeReplyObject(r);

	r = attach_to("shapes", PLACE_ZERO, 100);
	assert_int_equal(bus_log_count(r, 0), nitems(shapes));
	for (size_t i = 0; i < nitems(shapes); i++) {
		shape_id(i, m[i].place, id);
		assert_int_equal(bus_log_entry(r, 0, i, &e), 0);
		assert_shape(
		    &e, i, m[i].place, i > 0 ? m[i - 1].place : PLACE_ZERO, id);
	}
	freeReplyObject(r);

	assert_int_equal(redisGetReply(sub, (void **)&r), REDIS_OK);
	assert_int_equal(
	    bus_live_begin(live, text_of(r->element[1]->str),
		(struct sse_text){ r->element[2]->str, r->element[2]->len },
		PLACE_LAST, 0, &horizon),
	    1);
	for (size_t i = 0; i < nitems(shapes); i++) {
		shape_id(i, m[i].place, id);
		assert_int_equal(bus_live_next(live, &e), 1);
		assert_shape(
		    &e, i, m[i].place, i > 0 ? m[i - 1].place : PLACE_ZERO, id);
	}
	assert_int_equal(bus_live_next(live, &e), 0);
	freeReplyObject(r);
	redisFree(sub);
	bus_live_free(live);
	bus_batch_free(b);
}

/* Minting, in the table's order: sse:last before, an own ID, what came of it. */
static const struct {
	const char *what, *last, *own, *place, *id, *origin;
} mints[] = {
	{ "the clock has stepped back", "9000000000000-7", NULL,
	    "9000000000000-8", "9000000000000-8", "" },
	{ "a carry", "9000000000000-99", NULL, "9000000000000-100",
	    "9000000000000-100", "" },
	{ "above 2^53", "9000000000000-9007199254740993", NULL,
	    "9000000000000-9007199254740994", "9000000000000-9007199254740994",
	    "" },
	{ "a long carry", "9000000000000-9999999999999999999", NULL,
	    "9000000000000-10000000000000000000",
	    "9000000000000-10000000000000000000", "" },
	{ "the last of 64 bits", "9000000000000-18446744073709551615", NULL,
	    "9000000000001-0", "9000000000001-0", "" },
	{ "own, below the last", "9000000000000-7", "9000000000000-6",
	    "9000000000000-8", "9000000000000-8", "9000000000000-6" },
	{ "own, the last", "9000000000000-7", "9000000000000-7",
	    "9000000000000-8", "9000000000000-8", "9000000000000-7" },
	{ "own, shorter but above in text", "9000000000000-10",
	    "9000000000000-9", "9000000000000-11", "9000000000000-11",
	    "9000000000000-9" },
	{ "own, not formed like a place", "9000000000000-7", "x",
	    "9000000000000-8", "x", "" },
	{ "own, a leading zero", "9000000000000-7", "09-1", "9000000000000-8",
	    "09-1", "" },
	{ "own, no place", "9000000000000-7", "0-0", "9000000000000-8", "0-0",
	    "" },
	{ "own, over 64 bits", "9000000000000-7",
	    "9000000000000-18446744073709551616", "9000000000000-8",
	    "9000000000000-18446744073709551616", "" },
	{ "own, above but too far ahead", "9000000000000-7", "9000000000000-9",
	    "9000000000000-8", "9000000000000-8", "9000000000000-9" },
	{ "own, empty", "9000000000000-7", "", "9000000000000-8",
	    "9000000000000-8", "" },
};

static void
assert_minted(
    const char *own, const char *place, const char *id, const char *origin)
{
	struct bus_entry e;
	redisReply *r;

	assert_place(publish("mint", own, "d"), place);
	r = attach_to("mint", PLACE_ZERO, 1);
	assert_int_equal(bus_log_entry(r, 0, 0, &e), 0);
	assert_place(e.place, place);
	assert_true(text_is(e.ev.id, id));
	assert_true(text_is(e.ev.origin, origin));
	assert_place(last(), place);
	freeReplyObject(r);
}

static void
test_mint(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(mints); i++) {
		freeReplyObject(redisCommand(c, "FLUSHALL"));
		set_last(mints[i].last);
		assert_minted(
		    mints[i].own, mints[i].place, mints[i].id, mints[i].origin);
	}
}

static void
test_mint_by_the_clock(void **state)
{
	uint64_t now = (uint64_t)clock_unix_ms();
	struct place p = publish("a", NULL, "d"), q;
	char own[PLACE_LEN];

	(void)state;
	assert_in_range(p.ms, now, now + 5000);
	assert_int_equal(p.seq, 0);
	/* An ID a little ahead is adopted, and all that follows stands above. */
	q = (struct place){ p.ms + 30000, UINT64_MAX - 1 };
	place_format(q, own);
	assert_minted(own, own, own, "");
	q.seq++;
	place_format(q, own);
	assert_minted(NULL, own, own, "");
	place_format((struct place){ q.ms + 1, 0 }, own);
	assert_minted(NULL, own, own, "");
	/* More than a minute ahead is too far. */
	place_format((struct place){ now + 90000, 0 }, own);
	p = publish("a", own, "d");
	assert_true(p.ms == q.ms + 1 && p.seq == 1);
}

/* In one batch: what follows an adopted ID that is ahead stands above it. */
static void
test_mint_behind_adopted(void **state)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct place ahead = { (uint64_t)clock_unix_ms() + 30000, 5 };
	char own[PLACE_LEN];
	struct bus_minted m[2];
	redisReply *r;

	(void)state;
	place_format(ahead, own);
	add(b, "b", own, "d");
	add(b, "a", NULL, "d");
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, m, NULL), BUS_OK);
	assert_int_equal(place_cmp(m[0].place, ahead), 0);
	ahead.seq++;
	assert_int_equal(place_cmp(m[1].place, ahead), 0);
	freeReplyObject(r);
	bus_batch_free(b);
}

/* An event that came from far keeps its first origin. */
static void
test_origin_kept(void **state)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct event ev = event("a", "d");
	struct bus_entry e;
	redisReply *r;

	(void)state;
	publish("a", NULL, "d");
	ev.id = TEXT("5-5");
	ev.has_id = true;
	ev.origin = TEXT("far away");
	ev.via = TEXT("r");
	assert_int_equal(bus_batch_add(b, &ev, TEXT("")), 0);
	freeReplyObject(send_batch(b));
	r = attach_to("a", PLACE_ZERO, 1);
	assert_int_equal(bus_log_entry(r, 0, 0, &e), 0);
	assert_true(text_is(e.ev.origin, "far away"));
	assert_false(text_is(e.ev.id, "5-5"));
	freeReplyObject(r);
	r = redisCommand(c, "XREVRANGE sse:log:a + - COUNT 1");
	/* prev, origin, via, data, each once */
	assert_int_equal(r->element[0]->element[1]->elements, 8);
	freeReplyObject(r);
	bus_batch_free(b);
}

static void
test_birth(void **state)
{
	struct place first = publish("a", NULL, "d");
	struct bus_attached a;
	redisReply *r;

	(void)state;
	publish("b", NULL, "d");
	r = attach_to("b", PLACE_ZERO, 10);
	assert_int_equal(bus_attach_answer(r, &a), BUS_OK);
	assert_int_equal(place_cmp(a.birth, first), 0);
	assert_int_equal(place_cmp(a.last, last()), 0);
	assert_int_equal(a.nlogs, 1);
	assert_true(text_is(bus_log_channel(r, 0), "b"));
	freeReplyObject(r);
}

/* A sse:last that was lost may not make XADD fail half way. */
static void
test_lost_last(void **state)
{
	struct place p;

	(void)state;
	freeReplyObject(
	    redisCommand(c, "XADD sse:log:a 9000000000000-5 data x"));
	p = publish("a", NULL, "d");
	assert_place(p, "9000000000000-6");
}

/* Faults of a request: each is refused and has written nothing. */
static void
test_refused_whole(void **state)
{
	static const struct {
		const char *what, *args; /* behind the first, good event */
	} faults[] = {
		{ "reserved", "1 0  1 event sse:gap" },
		{ "line break in event", "1 0  1 event a\nb" },
		{ "line break or NUL", "1 0 a\rb 1 data d" },
		{ "cannot be named", "1 0  1 prev 1-1" },
		{ "cannot be named", "1 0  1 id 1-1" },
		{ "cannot be named", "1 0  1 channel x" },
		{ "cannot be named", "1 0  1 a:b x" },
		{ "cannot be named", "1 0  1  x" },
		{ "malformed", "2 0  1 data x" },
		{ "malformed", "0 0  1 data x" },
		{ "malformed", "1 1  1 data x" },
		{ "malformed", "1 0  33 data x" },
		{ "malformed", "1 0  2 data x" },
		{ "malformed", "1 0 " },
		{ "malformed", "x 0  1 data x" },
	};
	struct bus_batch *b = bus_batch_new(&conf);
	char *before;

	(void)state;
	publish("a", NULL, "d");
	before = everything();
	add(b, "a", NULL, "good");
	for (size_t i = 0; i < nitems(faults); i++) {
		const char *argv[64];
		size_t len[64];
		struct bus_command cmd;
		char *args = strdup(faults[i].args), *rest = args, *word, *now;
		redisReply *r;
		int n;

		assert_int_equal(bus_batch_command(b, false, &cmd), 0);
		for (n = 0; n < cmd.argc; n++) {
			argv[n] = cmd.argv[n];
			len[n] = cmd.argvlen[n];
		}
		while ((word = strsep(&rest, " ")) != NULL) {
			argv[n] = word;
			len[n++] = strlen(word);
		}
		r = redisCommandArgv(c, n, argv, len);
		if (r->type != REDIS_REPLY_ERROR ||
		    strstr(r->str, "event 2") == NULL ||
		    strstr(r->str, faults[i].what) == NULL)
			fail_msg("%s: %s", faults[i].args, r->str);
		assert_int_equal(
		    bus_batch_answer(b, r, NULL, NULL), BUS_REFUSED);
		assert_string_equal(bus_error(r), r->str);
		now = everything();
		assert_string_equal(now, before);
		freeReplyObject(r);
		bus_command_free(&cmd);
		free(now);
		free(args);
	}
	free(before);
	bus_batch_free(b);
}

/* Keys of another kind are found before the first write, too. */
static void
test_wrong_kinds(void **state)
{
	static const char *const setups[] = {
		"SET sse:pub:p x",
		"LPUSH sse:relay:r x",
		"SET sse:last nonsense",
	};
	struct bus_batch *b = bus_batch_new(&conf);
	struct event ev = event("b", "d");

	(void)state;
	add(b, "a", NULL, "good");
	assert_int_equal(bus_batch_add(b, &ev, TEXT("k")), 0);
	assert_int_equal(bus_batch_set_producer(b, "p", 1), 0);
	assert_int_equal(bus_batch_set_mark(b, "r", TEXT(""), TEXT("m")), 0);
	for (size_t i = 0; i < nitems(setups); i++) {
		char *before, *after;
		redisReply *r;

		freeReplyObject(redisCommand(c, "FLUSHALL"));
		freeReplyObject(redisCommand(c, setups[i]));
		before = everything();
		r = send_batch(b);
		assert_int_equal(
		    bus_batch_answer(b, r, NULL, NULL), BUS_REFUSED);
		after = everything();
		assert_string_equal(after, before);
		freeReplyObject(r);
		free(before);
		free(after);
	}
	bus_batch_free(b);
}

/* That is the only reason, of so many events. */
static void
is_refused_for(const redisReply *r, const char *want, size_t n)
{
	struct sse_text why;
	size_t iter = 0;

	assert_int_equal(bus_batch_refused(r, &iter, &why), n);
	assert_true(text_is(why, want));
	assert_int_equal(bus_batch_refused(r, &iter, &why), 0);
}

/* Each reason is told once, with its events. */
static void
test_foreign_many(void **state)
{
	static const char *const channels[] = { "x", "a", "y", "x", "a", "x" };
	struct bus_batch *b = bus_batch_new(&conf);
	struct sse_text why;
	size_t iter = 0;
	redisReply *r;

	(void)state;
	freeReplyObject(redisCommand(c, "MSET sse:log:x 1 sse:log:y 2"));
	for (size_t i = 0; i < nitems(channels); i++)
		add(b, channels[i], NULL, "d");
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, NULL, NULL), BUS_OK);
	assert_int_equal(bus_batch_refused(r, &iter, &why), 3);
	assert_true(text_is(why, "sse:log:x is not a Redis stream"));
	assert_int_equal(bus_batch_refused(r, &iter, &why), 1);
	assert_true(text_is(why, "sse:log:y is not a Redis stream"));
	assert_int_equal(bus_batch_refused(r, &iter, &why), 0);
	freeReplyObject(r);
	bus_batch_free(b);
}

/* In a log's place, or that of a key of --once, they hold up nothing else. */
static void
test_foreign_keys(void **state)
{
	static const struct {
		const char *setup, *why;
	} cases[] = {
		{ "SET sse:log:b x", "sse:log:b is not a Redis stream" },
		{ "LPUSH sse:dedup:b:k x", "sse:dedup:b:k is not a string" },
	};
	struct bus_batch *b = bus_batch_new(&conf);
	struct event ev = event("b", "d");
	struct bus_minted m[3];
	redisReply *r;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		freeReplyObject(redisCommand(c, "FLUSHALL"));
		freeReplyObject(redisCommand(c, cases[i].setup));
		bus_batch_clear(b);
		add(b, "a", NULL, "before");
		assert_int_equal(bus_batch_add(b, &ev, TEXT("k")), 0);
		add(b, "a", NULL, "behind");
		assert_int_equal(bus_batch_set_producer(b, "p", 1), 0);
		/* Once more, as after a lost answer: the same. */
		for (int again = 0; again < 2; again++) {
			r = send_batch(b);
			assert_int_equal(
			    bus_batch_answer(b, r, m, NULL), BUS_OK);
			for (size_t j = 0; j < 3; j++) {
				assert_int_equal(m[j].refused.len > 0, j == 1);
				assert_int_equal(
				    place_is_zero(m[j].place), j == 1);
			}
			assert_true(text_is(m[1].refused, cases[i].why));
			is_refused_for(r, cases[i].why, 1);
			freeReplyObject(r);
		}
		r = attach_to("a", PLACE_ZERO, 10);
		assert_int_equal(bus_log_count(r, 0), 2);
		freeReplyObject(r);
		/* A mark that moves answers for all but those. */
		assert_int_equal(bus_batch_set_producer(b, "p", 2), 0);
		assert_int_equal(
		    bus_batch_set_mark(b, "r", TEXT(""), TEXT("m")), 0);
		r = send_batch(b);
		assert_int_equal(bus_batch_answer(b, r, m, NULL), BUS_OK);
		assert_int_equal(r->elements, 3);
		is_refused_for(r, cases[i].why, 1);
		freeReplyObject(r);
	}
	bus_batch_free(b);
}

static void
test_once(void **state)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct event ev = event("a", "d"), other = event("a:b", "d");
	struct bus_minted m[5], again[5];
	redisReply *r;

	(void)state;
	ev.id = TEXT("own id");
	ev.has_id = true;
	assert_int_equal(bus_batch_add(b, &ev, TEXT("b:c")), 0);
	assert_int_equal(bus_batch_add(b, &ev, TEXT("b:c")), 0);
	/* Names that would be one, did a colon in a key not differ. */
	assert_int_equal(bus_batch_add(b, &other, TEXT("c")), 0);
	assert_int_equal(bus_batch_add(b, &ev, TEXT("")), 0);
	assert_int_equal(bus_batch_add(b, &other, TEXT("%3A")), 0);
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, m, NULL), BUS_OK);
	assert_false(m[0].repeated || m[0].keyed);
	assert_true(m[1].repeated && m[1].keyed);
	assert_int_equal(place_cmp(m[0].place, m[1].place), 0);
	assert_true(text_is(m[1].id, "own id"));
	assert_false(m[2].repeated || m[3].repeated || m[4].repeated);
	freeReplyObject(r);

	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, again, NULL), BUS_OK);
	for (size_t i = 0; i < nitems(again); i++) {
		assert_int_equal(again[i].keyed, i != 3);
		assert_int_equal(again[i].repeated, i != 3);
	}
	assert_int_equal(place_cmp(again[2].place, m[2].place), 0);
	freeReplyObject(r);
	r = redisCommand(c, "XLEN sse:log:a");
	assert_int_equal(r->integer, 3);
	freeReplyObject(r);
	r = redisCommand(c, "PTTL sse:dedup:a:b%%3Ac");
	assert_in_range(r->integer, 86000000, 86400000);
	freeReplyObject(r);
	bus_batch_free(b);
}

/* A repeat after a lost answer is told what the first try was told. */
static void
test_once_again(void **state)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct event ev = event("a", "d");
	struct bus_minted m;
	redisReply *r;

	(void)state;
	assert_int_equal(bus_batch_add(b, &ev, TEXT("k")), 0);
	for (uint64_t number = 1; number <= 2; number++) {
		assert_int_equal(bus_batch_set_producer(b, "p", number), 0);
		for (int again = 0; again < 2; again++) {
			r = send_batch(b);
			assert_int_equal(
			    bus_batch_answer(b, r, &m, NULL), BUS_OK);
			assert_int_equal(m.keyed, number == 2);
			assert_int_equal(m.repeated, number == 2 || again > 0);
			assert_false(place_is_zero(m.place));
			freeReplyObject(r);
		}
	}
	r = redisCommand(c, "XLEN sse:log:a");
	assert_int_equal(r->integer, 1);
	freeReplyObject(r);
	bus_batch_free(b);
}

/* A batch that moves a mark is told nothing of its events, others are later. */
static void
test_once_with_mark(void **state)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct event ev = event("a", "d");
	struct bus_minted m[2];
	redisReply *r;

	(void)state;
	ev.id = TEXT("own id");
	ev.has_id = true;
	assert_int_equal(bus_batch_add(b, &ev, TEXT("k")), 0);
	assert_int_equal(bus_batch_add(b, &ev, TEXT("k")), 0);
	assert_int_equal(bus_batch_set_mark(b, "r", TEXT(""), TEXT("m")), 0);
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, m, NULL), BUS_OK);
	assert_int_equal(r->elements, 2);
	assert_true(m[0].repeated && place_is_zero(m[0].place));
	freeReplyObject(r);
	bus_batch_clear(b);
	assert_int_equal(bus_batch_add(b, &ev, TEXT("k")), 0);
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, m, NULL), BUS_OK);
	assert_true(m[0].repeated && text_is(m[0].id, "own id"));
	freeReplyObject(r);
	r = redisCommand(c, "XLEN sse:log:a");
	assert_int_equal(r->integer, 1);
	freeReplyObject(r);
	bus_batch_free(b);
}

static enum bus_answer
send_numbered(uint64_t number, const char *data, struct bus_minted *m)
{
	struct bus_batch *b = bus_batch_new(&conf);
	enum bus_answer answer;
	redisReply *r;

	add(b, "a", NULL, data);
	assert_int_equal(bus_batch_set_producer(b, "p", number), 0);
	r = send_batch(b);
	answer = bus_batch_answer(b, r, m, NULL);
	m->id = TEXT("");
	freeReplyObject(r);
	bus_batch_free(b);
	return answer;
}

static void
test_producer(void **state)
{
	struct bus_minted first, m;
	redisReply *r;

	(void)state;
	assert_int_equal(send_numbered(1, "one", &first), BUS_OK);
	assert_false(first.repeated);
	assert_int_equal(send_numbered(1, "one", &m), BUS_OK);
	assert_true(m.repeated);
	assert_int_equal(place_cmp(m.place, first.place), 0);
	assert_int_equal(send_numbered(3, "three", &m), BUS_ORDER);
	assert_int_equal(send_numbered(2, "two", &m), BUS_OK);
	assert_false(m.repeated);
	/* Settled long ago: not published, its place forgotten. */
	assert_int_equal(send_numbered(1, "one", &m), BUS_OK);
	assert_true(m.repeated && place_is_zero(m.place));
	assert_int_equal(send_numbered(3, "three", &m), BUS_OK);
	r = redisCommand(c, "XLEN sse:log:a");
	assert_int_equal(r->integer, 3);
	freeReplyObject(r);
	r = redisCommand(c, "PTTL sse:pub:p");
	assert_in_range(r->integer, 3590000, 3600000);
	freeReplyObject(r);
	/* What expired is begun anew, at any number, also beyond doubles. */
	freeReplyObject(redisCommand(c, "DEL sse:pub:p"));
	assert_int_equal(send_numbered(9007199254740993, "x", &m), BUS_OK);
	assert_int_equal(send_numbered(9007199254740992, "x", &m), BUS_OK);
	assert_true(m.repeated);
	assert_int_equal(send_numbered(9007199254740995, "x", &m), BUS_ORDER);
	assert_int_equal(send_numbered(9007199254740994, "x", &m), BUS_OK);
	assert_false(m.repeated);
}

static void
test_mark(void **state)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct bus_command cmd;
	struct sse_text mark;
	redisReply *r;

	(void)state;
	add(b, "a", NULL, "d");
	assert_int_equal(bus_batch_set_mark(b, "r", TEXT(""), TEXT("m 1")), 0);
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, NULL, &mark), BUS_OK);
	assert_true(text_is(mark, "m 1"));
	assert_int_equal(r->elements, 2); /* its events need no answers */
	freeReplyObject(r);
	/* The same again, and one from where the mark does not stand. */
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, NULL, &mark), BUS_MARK_MOVED);
	assert_true(text_is(mark, "m 1"));
	freeReplyObject(r);
	assert_int_equal(
	    bus_batch_set_mark(b, "r", TEXT("m 0"), TEXT("m 2")), 0);
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, NULL, &mark), BUS_MARK_MOVED);
	freeReplyObject(r);
	/* A mark moves without events, too. */
	bus_batch_clear(b);
	assert_int_equal(
	    bus_batch_set_mark(b, "r", TEXT("m 1"), TEXT("m 2")), 0);
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, NULL, &mark), BUS_OK);
	freeReplyObject(r);
	assert_int_equal(bus_mark_command(&conf, "r", &cmd), 0);
	r = run(&cmd);
	assert_int_equal(bus_mark_answer(r, &mark), BUS_OK);
	assert_true(text_is(mark, "m 2"));
	freeReplyObject(r);
	assert_int_equal(bus_mark_command(&conf, "none", &cmd), 0);
	r = run(&cmd);
	assert_int_equal(bus_mark_answer(r, &mark), BUS_OK);
	assert_int_equal(mark.len, 0);
	freeReplyObject(r);
	r = redisCommand(c, "XLEN sse:log:a");
	assert_int_equal(r->integer, 1);
	freeReplyObject(r);
	bus_batch_free(b);
}

static void
test_trim(void **state)
{
	struct bus_batch *b = bus_batch_new(&conf);
	redisReply *r;

	(void)state;
	conf.log_count = 10;
	for (int i = 0; i < 1000; i++)
		add(b, "a", NULL, "d");
	freeReplyObject(send_batch(b));
	r = redisCommand(c, "XLEN sse:log:a");
	assert_in_range(r->integer, 10, 110);
	freeReplyObject(r);
	r = redisCommand(c, "PTTL sse:log:a");
	assert_in_range(r->integer, 3590000, 3600000);
	freeReplyObject(r);
	conf.log_age_ms = 0;
	freeReplyObject(send_batch(b));
	r = redisCommand(c, "PTTL sse:log:a");
	assert_int_equal(r->integer, -1);
	freeReplyObject(r);
	bus_batch_free(b);
}

static long long
ask_number(const char *command)
{
	redisReply *r = redisCommand(c, command);
	long long n = r->integer;

	assert_int_equal(r->type, REDIS_REPLY_INTEGER);
	freeReplyObject(r);
	return n;
}

/* One batch for channels of several families, each kept as its own says. */
static void
test_families(void **state)
{
	static struct retentions families;
	struct sse_text names[] = { TEXT("a"), TEXT("client:1"), TEXT("b") };
	struct bus_batch *b = bus_batch_new(&conf);
	struct bus_command attach = { 0 };
	redisReply *r;

	(void)state;
	families = (struct retentions){ .base = { 500, 3600000, 0 } };
	assert_null(retentions_add(&families, "client:*=10,2d"));
	assert_null(retentions_add(&families, "none=0"));
	conf.families = &families;
	conf.log_count = 500;
	for (int i = 0; i < 300; i++) {
		add(b, "a", NULL, "d");
		add(b, "client:1", NULL, "d");
		add(b, "none", NULL, "d");
	}
	freeReplyObject(send_batch(b));
	assert_int_equal(ask_number("XLEN sse:log:a"), 300);
	assert_in_range(ask_number("XLEN sse:log:client:1"), 10, 110);
	assert_int_equal(ask_number("XLEN sse:log:none"), 0);
	assert_in_range(ask_number("PTTL sse:log:a"), 3590000, 3600000);
	assert_in_range(
	    ask_number("PTTL sse:log:client:1"), 172790000, 172800000);
	bus_batch_free(b);
	/* What is gone is vouched for as long as its own age. */
	freeReplyObject(redisCommand(c, "SET sse:birth 1-0"));
	freeReplyObject(redisCommand(c, "DEL sse:log:a sse:log:client:1"));
	assert_int_equal(bus_attach_command(&conf, "m", names, 3, PLACE_ZERO, 9,
			     false, &attach),
	    0);
	r = redisCommandArgv(c, attach.argc, attach.argv, attach.argvlen);
	assert_int_equal(
	    bus_log_top(r, 0).ms - bus_log_top(r, 1).ms, 172800000 - 3600000);
	assert_int_equal(bus_log_top(r, 0).ms, bus_log_top(r, 2).ms);
	freeReplyObject(r);
	bus_command_free(&attach);
	conf.families = NULL;
}

/* Entries older than the age go, whole nodes of them. */
static void
test_age(void **state)
{
	redisReply *r;

	(void)state;
	for (int i = 1; i <= 300; i++)
		freeReplyObject(
		    redisCommand(c, "XADD sse:log:a %d-0 data x", i));
	publish("a", NULL, "d");
	r = redisCommand(c, "XLEN sse:log:a");
	assert_in_range(r->integer, 1, 101);
	freeReplyObject(r);
}

/* Without a log the place of the event before is known nevertheless. */
static void
test_no_log(void **state)
{
	struct place p, q;
	struct bus_entry e;
	redisReply *r;

	(void)state;
	conf.log_count = 0;
	publish("a", NULL, "d");
	p = publish("a", NULL, "d");
	r = attach_to("a", PLACE_ZERO, 10);
	assert_int_equal(bus_log_count(r, 0), 0);
	assert_int_equal(place_cmp(bus_log_top(r, 0), p), 0);
	freeReplyObject(r);
	publish("other", NULL, "d");
	conf.log_count = 10;
	q = publish("a", NULL, "d");
	r = attach_to("a", PLACE_ZERO, 10);
	assert_int_equal(bus_log_entry(r, 0, 0, &e), 0);
	assert_int_equal(place_cmp(e.place, q), 0);
	assert_int_equal(place_cmp(e.prev, p), 0);
	freeReplyObject(r);
}

/*
 * A log that is gone: it had nothing younger than the age.  Of what is older
 * nothing is known, unless history is younger; so prev may not say "none".
 */
static void
test_gone_log(void **state)
{
	struct place old, p, q;
	struct bus_entry e;
	redisReply *r;

	(void)state;
	old = publish("a", NULL, "d");
	q = publish("b", NULL, "d");
	r = attach_to("b", q, 10);
	assert_int_equal(place_cmp(bus_log_top(r, 0), q), 0);
	freeReplyObject(r);
	r = attach_to("c", PLACE_ZERO, 10);
	assert_true(place_is_zero(bus_log_top(r, 0))); /* history is young */
	freeReplyObject(r);

	/* History is old, and something was minted since: as old as the age. */
	freeReplyObject(redisCommand(c, "SET sse:birth 1000-0"));
	freeReplyObject(redisCommand(c, "DEL sse:log:a"));
	r = attach_to("a", PLACE_ZERO, 10);
	p = bus_log_top(r, 0);
	assert_true(
	    p.ms <= old.ms - 3600000 + 5000 && p.ms >= old.ms - 3600000);
	freeReplyObject(r);
	publish("a", NULL, "d");
	r = attach_to("a", PLACE_ZERO, 10);
	assert_int_equal(bus_log_entry(r, 0, 0, &e), 0);
	assert_true(e.prev.ms >= p.ms && e.prev.ms <= p.ms + 5000);
	freeReplyObject(r);

	/* All is older than the age: then it is the last minted at most. */
	freeReplyObject(redisCommand(c, "DEL sse:log:a sse:log:b"));
	set_last("2000-7");
	r = attach_to("a", PLACE_ZERO, 10);
	assert_place(bus_log_top(r, 0), "2000-7");
	freeReplyObject(r);
	publish("a", NULL, "d");
	r = attach_to("a", PLACE_ZERO, 10);
	assert_int_equal(bus_log_entry(r, 0, 0, &e), 0);
	assert_place(e.prev, "2000-7");
	freeReplyObject(r);
}

static void
test_attach(void **state)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct bus_minted m[10];
	struct bus_entry e;
	redisReply *r;

	(void)state;
	for (size_t i = 0; i < nitems(m); i++)
		add(b, "a", NULL, "d");
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, m, NULL), BUS_OK);
	freeReplyObject(r);
	/* The newest, oldest of them first. */
	for (unsigned int n = 0; n <= 11; n++) {
		unsigned int count = n < 10 ? n : 10;

		r = attach_to("a", PLACE_ZERO, n);
		assert_int_equal(bus_log_count(r, 0), count);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(bus_log_entry(r, 0, i, &e), 0);
			assert_int_equal(
			    place_cmp(e.place, m[10 - count + i].place), 0);
		}
		assert_int_equal(place_cmp(bus_log_top(r, 0), m[9].place), 0);
		freeReplyObject(r);
	}
	/* Behind a place, page by page. */
	r = attach_to("a", m[3].place, 4);
	assert_int_equal(bus_log_count(r, 0), 4);
	assert_int_equal(bus_log_entry(r, 0, 3, &e), 0);
	assert_int_equal(place_cmp(e.place, m[7].place), 0);
	freeReplyObject(r);
	{
		struct bus_command cmd;
		size_t count;

		assert_int_equal(
		    bus_page_command(&conf, TEXT("a"), m[7].place, 4, &cmd), 0);
		r = run(&cmd);
		assert_int_equal(bus_page_answer(r, &count), BUS_OK);
		assert_int_equal(count, 2);
		assert_int_equal(bus_page_entry(r, 1, &e), 0);
		assert_int_equal(place_cmp(e.place, m[9].place), 0);
		assert_int_equal(bus_page_entry(r, 2, &e), -1);
		freeReplyObject(r);
	}
	bus_batch_free(b);
}

/* A marker comes on its own Pub/Sub channel and holds the last place. */
static void
test_marker(void **state)
{
	struct bus_live *live = bus_live_new(&conf);
	redisContext *sub = own_redis_connect(&redis);
	char name[BUS_MARKER_LEN], other[BUS_MARKER_LEN];
	struct bus_command cmd;
	struct place horizon;
	redisReply *r;

	(void)state;
	bus_marker_name(&conf, name);
	bus_marker_name(&conf, other);
	assert_string_not_equal(name, other);
	freeReplyObject(redisCommand(sub, "SUBSCRIBE %s", name));
	for (int i = 0; i < 2; i++) {
		struct place want = PLACE_ZERO;

		if (i == 1)
			want = publish("a", NULL, "d");
		assert_int_equal(bus_attach_command(&conf, name, NULL, 0,
				     PLACE_ZERO, 0, false, &cmd),
		    0);
		freeReplyObject(run(&cmd));
		assert_int_equal(redisGetReply(sub, (void **)&r), REDIS_OK);
		assert_int_equal(
		    bus_live_begin(live, text_of(r->element[1]->str),
			text_of(r->element[2]->str), PLACE_LAST, 0, &horizon),
		    2);
		assert_int_equal(place_cmp(horizon, want), 0);
		freeReplyObject(r);
	}
	redisFree(sub);
	bus_live_free(live);
}

static void
test_raise(void **state)
{
	static const struct {
		const char *last, *seen, *then;
	} raises[] = {
		{ "", "5-0", "5-0" },
		{ "5-0", "5-1", "5-1" },
		{ "5-2", "5-1", "5-2" },
		{ "9-0", "10-0", "10-0" },
		{ "10-0", "9-0", "10-0" },
		{ "7-18446744073709551614", "7-18446744073709551615",
		    "7-18446744073709551615" },
		{ "7-9007199254740993", "7-9007199254740992",
		    "7-9007199254740993" },
	};
	struct bus_command cmd;
	struct place seen, before, want;
	struct bus_fork fork;
	redisReply *r;

	(void)state;
	for (size_t i = 0; i < nitems(raises); i++) {
		freeReplyObject(redisCommand(c, "FLUSHALL"));
		want = PLACE_ZERO;
		if (*raises[i].last != '\0') {
			set_last(raises[i].last);
			want = last();
		}
		assert_true(
		    place_parse(raises[i].seen, strlen(raises[i].seen), &seen));
		assert_int_equal(bus_raise_command(&conf, seen, NULL, &cmd), 0);
		r = run(&cmd);
		assert_int_equal(bus_raise_answer(r, &before, &fork), BUS_OK);
		/* What it did not know of is where history has forked. */
		assert_int_equal(place_cmp(fork.high, PLACE_ZERO) > 0,
		    place_cmp(want, seen) < 0);
		assert_int_equal(
		    bus_fork_has(&fork, seen), place_cmp(want, seen) < 0);
		assert_false(bus_fork_has(&fork, want));
		assert_int_equal(place_cmp(before, want), 0);
		assert_place(last(), raises[i].then);
		freeReplyObject(r);
	}
}

/* The same fork as several see it, and a later one. */
static void
test_fork(void **state)
{
	static const struct {
		const char *seen, *low, *fork;
	} steps[] = {
		{ "50-0", "", "" },
		{ "90-0", "", "50-0 90-0" },
		{ "70-0", "", "50-0 90-0" },
		{ "95-0", "40-0", "40-0 95-0" },
		{ "80-0", "60-0", "40-0 95-0" },
		{ "300-0", "200-0", "200-0 300-0" },
		{ "100-0", "100-0", "200-0 300-0" },
	};
	struct place seen, low, before;
	struct bus_command cmd;
	struct bus_fork fork;
	redisReply *r;

	(void)state;
	set_last("50-0");
	for (size_t i = 0; i < nitems(steps); i++) {
		bool has = place_parse(
		    steps[i].low, strlen(steps[i].low), &low);

		place_parse(steps[i].seen, strlen(steps[i].seen), &seen);
		assert_int_equal(
		    bus_raise_command(&conf, seen, has ? &low : NULL, &cmd), 0);
		r = run(&cmd);
		assert_int_equal(bus_raise_answer(r, &before, &fork), BUS_OK);
		assert_string_equal(r->element[1]->str, steps[i].fork);
		freeReplyObject(r);
	}
}

/* Live payloads: what is a block of the script, and what is raw. */
static const struct {
	const char *payload;
	int blocks; /* 0: raw */
} payloads[] = {
	{ "hello", 0 },
	{ "", 0 },
	{ "id: 1-1\nprev: 0-0\ndata: x\n\n", 1 },
	{ "id: 1-1\nprev: 0-0\n\nid: 1-2\nprev: 1-1\ndata: y\n\n", 2 },
	{ "id: own\nplace: 1-1\nprev: 0-0\ndata: x\n\n", 1 },
	{ "id: own\nprev: 0-0\ndata: x\n\n", 0 },
	{ "id: 1-1\ndata: x\n\n", 0 },
	{ "id: 1-1\nprev: x\ndata: x\n\n", 0 },
	{ "id: 1-1\nprev: 0-0\ndata: x\n", 0 },
	{ "id: 1-1", 0 },
	{ "id: ", 0 },
	{ "data: x\nid: 1-1\nprev: 0-0\n\n", 0 },
};

/*
 * Whoever makes places of microseconds would be a thousand times ahead, and all
 * that is ours below.
 */
static void
test_far_ahead(void **state)
{
	static const char day[] = "id: 86400005-0\nprev: 0-0\ndata: a\n\n"
				  "id: 86400006-0\nprev: 0-0\ndata: b\n\n"
				  "id: 7-0\nprev: 0-0\ndata: c\n\n";
	static const char far[] = "id: 1763630000000000-0\nprev: 0-0\n"
				  "data: a\n\n";
	struct bus_live *live = bus_live_new(&conf);
	const struct place five = { 5, 9 };
	struct place horizon;
	struct bus_entry e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		/* Ahead of both, the last place and the clock. */
		assert_int_equal(
		    bus_live_begin(live, TEXT("sse:a"), text_of(day),
			i == 0 ? five : PLACE_ZERO, i == 0 ? 3 : 5, &horizon),
		    1);
		assert_int_equal(bus_live_next(live, &e), 1);
		assert_true(text_is(e.ev.data, "a"));
		assert_int_equal(bus_live_next(live, &e), 1);
		assert_true(text_is(e.ev.data, "c"));
		assert_int_equal(bus_live_broken(live), 1);
		assert_int_equal(bus_live_next(live, &e), 0);
	}
	assert_int_equal(bus_live_begin(live, TEXT("sse:a"), text_of(far), five,
			     UINT64_C(1763630000000), &horizon),
	    1);
	assert_int_equal(bus_live_next(live, &e), 0);
	assert_int_equal(bus_live_broken(live), 1);
	bus_live_free(live);
}

static void
test_payloads(void **state)
{
	struct bus_live *live = bus_live_new(&conf);
	struct place horizon;
	struct bus_entry e;

	(void)state;
	for (size_t i = 0; i < nitems(payloads); i++) {
		const char *text = payloads[i].payload;

		assert_int_equal(bus_live_begin(live, TEXT("sse:a"),
				     text_of(text), PLACE_LAST, 0, &horizon),
		    1);
		if (payloads[i].blocks == 0) {
			assert_int_equal(bus_live_next(live, &e), 1);
			assert_true(text_is(e.ev.data, text));
			assert_true(e.ev.has_data);
			assert_false(e.ev.has_id);
			assert_true(place_is_zero(e.place));
			assert_true(text_is(e.ev.channel, "a"));
		}
		for (int n = 0; n < payloads[i].blocks; n++) {
			assert_int_equal(bus_live_next(live, &e), 1);
			assert_int_equal(e.place.ms, 1);
			assert_int_equal(e.place.seq, n + 1);
			assert_true(e.ev.has_id);
		}
		assert_int_equal(bus_live_next(live, &e), 0);
		assert_int_equal(bus_live_next(live, &e), 0);
	}
	assert_int_equal(bus_live_begin(live, TEXT("other:a"), TEXT("x"),
			     PLACE_LAST, 0, &horizon),
	    0);
	assert_int_equal(bus_live_begin(live, TEXT("sse:a b"), TEXT("x"),
			     PLACE_LAST, 0, &horizon),
	    0);
	assert_int_equal(bus_live_begin(live, TEXT("ss"), TEXT("x"), PLACE_LAST,
			     0, &horizon),
	    0);
	bus_live_free(live);
}

/* A run of one channel is one message, of bounded size. */
static void
test_runs(void **state)
{
	static const char *const channels[] = { "a", "a", "b", "a", "a", "a" };
	static const char *const topics[] = { "sse:a", "sse:b", "sse:a" };
	static const int runs[] = { 2, 1, 3 };
	struct bus_batch *b = bus_batch_new(&conf);
	struct bus_live *live = bus_live_new(&conf);
	redisContext *sub = own_redis_connect(&redis);
	struct place horizon, before = PLACE_ZERO;
	struct bus_entry e;
	redisReply *r;
	int n = 0;

	(void)state;
	freeReplyObject(redisCommand(sub, "SUBSCRIBE sse:a"));
	freeReplyObject(redisCommand(sub, "SUBSCRIBE sse:b"));
	for (size_t i = 0; i < nitems(channels); i++)
		add(b, channels[i], NULL, "d");
	freeReplyObject(send_batch(b));
	for (size_t i = 0; i < nitems(runs); i++) {
		assert_int_equal(redisGetReply(sub, (void **)&r), REDIS_OK);
		assert_string_equal(r->element[1]->str, topics[i]);
		bus_live_begin(live, text_of(r->element[1]->str),
		    (struct sse_text){ r->element[2]->str, r->element[2]->len },
		    PLACE_LAST, 0, &horizon);
		for (n = 0; bus_live_next(live, &e) == 1; n++) {
			assert_true(place_cmp(e.place, before) > 0);
			before = e.place;
		}
		assert_int_equal(n, runs[i]);
		freeReplyObject(r);
	}
	/* A thousand events of 1000 bytes: none of the messages is huge. */
	bus_batch_clear(b);
	for (int i = 0; i < 1000; i++) {
		char data[1001];

		memset(data, 'x', 1000);
		data[1000] = '\0';
		add(b, "a", NULL, data);
	}
	freeReplyObject(send_batch(b));
	for (int got = 0; got < 1000;) {
		assert_int_equal(redisGetReply(sub, (void **)&r), REDIS_OK);
		assert_in_range(r->element[2]->len, 1, 65536 + 2000);
		bus_live_begin(live, text_of(r->element[1]->str),
		    (struct sse_text){ r->element[2]->str, r->element[2]->len },
		    PLACE_LAST, 0, &horizon);
		while (bus_live_next(live, &e) == 1)
			got++;
		freeReplyObject(r);
	}
	redisFree(sub);
	bus_live_free(live);
	bus_batch_free(b);
}

/* No message is larger than 1 MiB: runs are parted, and one event is refused. */
static void
test_message_bound(void **state)
{
	static const struct {
		const char *what;
		char with; /* the data is made of */
		size_t len;
		bool fits;
	} cases[] = {
		{ "small", 'x', 1, true },
		{ "half of it", 'x', BUS_MESSAGE_MAX / 2, true },
		{ "just fits", 'x', BUS_MESSAGE_MAX - 146, true },
		{ "a byte more", 'x', BUS_MESSAGE_MAX - 145, false },
		{ "lines", '\n', BUS_MESSAGE_MAX / 7 - 25, true },
		{ "too many lines", '\n', BUS_MESSAGE_MAX / 7, false },
		{ "too many CR", '\r', BUS_MESSAGE_MAX / 7, false },
	};
	struct bus_batch *b = bus_batch_new(&conf);
	redisContext *sub = own_redis_connect(&redis);
	char *data = malloc(BUS_MESSAGE_MAX);
	size_t n = 0;
	redisReply *r;

	(void)state;
	freeReplyObject(redisCommand(sub, "SUBSCRIBE sse:a"));
	for (size_t i = 0; i < nitems(cases); i++) {
		struct event ev = event("a", "");

		memset(data, cases[i].with, cases[i].len);
		ev.data = (struct sse_text){ data, cases[i].len };
		/* Both fields and what stands before them are 146 bytes. */
		ev.type = TEXT("ttt");
		if ((bus_event_fault(&ev) == NULL) != cases[i].fits)
			fail_msg("%s", cases[i].what);
		/* The script has the last word, and it is the same. */
		bus_batch_clear(b);
		add(b, "a", NULL, "before");
		assert_int_equal(bus_batch_add(b, &ev, TEXT("")), 0);
		add(b, "a", NULL, "behind");
		r = send_batch(b);
		assert_int_equal(bus_batch_answer(b, r, NULL, NULL),
		    cases[i].fits ? BUS_OK : BUS_REFUSED);
		if (!cases[i].fits)
			assert_string_equal(r->str,
			    "SSEBAD event 2: a message of Redis is 1 MiB at "
			    "most");
		n += cases[i].fits ? 3 : 0;
		freeReplyObject(r);
	}
	free(data);
	for (size_t got = 0; got < n;) {
		assert_int_equal(redisGetReply(sub, (void **)&r), REDIS_OK);
		assert_in_range(r->element[2]->len, 1, BUS_MESSAGE_MAX);
		for (const char *p = r->element[2]->str;
		     (p = strstr(p, "\nprev: ")) != NULL; p++)
			got++;
		freeReplyObject(r);
	}
	redisFree(sub);
	bus_batch_free(b);
}

/* As many channels and keys as a batch can have. */
static void
test_many_keys(void **state)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct bus_minted m[BUS_BATCH_EVENTS];
	redisReply *r;

	(void)state;
	for (int i = 0; !bus_batch_full(b); i++) {
		struct event ev;
		char name[16];

		snprintf(name, sizeof(name), "c%d", i);
		ev = event(name, "d");
		assert_int_equal(bus_batch_add(b, &ev, text_of(name)), 0);
	}
	assert_int_equal(bus_batch_count(b), BUS_BATCH_EVENTS);
	r = send_batch(b);
	assert_int_equal(bus_batch_answer(b, r, m, NULL), BUS_OK);
	freeReplyObject(r);
	r = redisCommand(c, "DBSIZE");
	assert_int_equal(r->integer, 2 * BUS_BATCH_EVENTS + 2);
	freeReplyObject(r);
	bus_batch_free(b);
}

static void
test_noscript(void **state)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct bus_command cmd;
	redisReply *r;

	(void)state;
	add(b, "a", NULL, "d");
	freeReplyObject(redisCommand(c, "SCRIPT FLUSH"));
	assert_int_equal(bus_batch_command(b, true, &cmd), 0);
	r = run(&cmd);
	assert_int_equal(bus_batch_answer(b, r, NULL, NULL), BUS_NOSCRIPT);
	freeReplyObject(r);
	freeReplyObject(send_batch(b));
	assert_int_equal(bus_batch_command(b, true, &cmd), 0);
	r = run(&cmd);
	assert_int_equal(bus_batch_answer(b, r, NULL, NULL), BUS_OK);
	freeReplyObject(r);
	bus_batch_free(b);
}

/* A user who may not do some part of it is told before the first write. */
static void
test_acl(void **state)
{
	static const char *const rules[] = {
		"-publish",
		"-xadd",
		"-xtrim",
		"-set",
		"-pexpire",
		"-hset",
		"resetkeys ~sse:l*",
		"resetchannels &sse:a",
		"-eval",
	};
	struct bus_batch *b = bus_batch_new(&conf);
	redisContext *mine = c;
	char *before;

	(void)state;
	add(b, "a", NULL, "d");
	add(b, "b", NULL, "d");
	assert_int_equal(bus_batch_set_producer(b, "p", 1), 0);
	freeReplyObject(send_batch(b));
	assert_int_equal(bus_batch_set_producer(b, "p", 2), 0);
	before = everything();
	for (size_t i = 0; i < nitems(rules); i++) {
		char rule[128], *after;
		redisReply *r;

		snprintf(rule, sizeof(rule),
		    "ACL SETUSER u reset on >pw +@all allkeys allchannels %s",
		    rules[i]);
		r = redisCommand(mine, rule);
		assert_int_equal(r->type, REDIS_REPLY_STATUS);
		freeReplyObject(r);
		c = own_redis_connect(&redis);
		freeReplyObject(redisCommand(c, "AUTH u pw"));
		r = send_batch(b);
		if (bus_batch_answer(b, r, NULL, NULL) != BUS_DENIED)
			fail_msg("%s: %s", rules[i], bus_error(r));
		freeReplyObject(r);
		redisFree(c);
		c = mine;
		after = everything();
		assert_string_equal(after, before);
		free(after);
	}
	free(before);
	freeReplyObject(redisCommand(c, "ACL DELUSER u"));
	bus_batch_free(b);
}

static void
test_errors(void **state)
{
	static const struct {
		char text[80];
		enum bus_answer answer;
	} errors[] = {
		{ "NOSCRIPT No matching script.", BUS_NOSCRIPT },
		{ "BUSY Redis is busy running a script.", BUS_BUSY },
		{ "BUSYGROUP name exists", BUS_REFUSED },
		{ "LOADING Redis is loading the dataset", BUS_BUSY },
		{ "OOM command not allowed", BUS_BUSY },
		{ "READONLY You can't write", BUS_BUSY },
		{ "MISCONF no disk", BUS_BUSY },
		{ "NOAUTH Authentication required.", BUS_DENIED },
		{ "WRONGPASS invalid", BUS_DENIED },
		{ "NOPERM this user", BUS_DENIED },
		{ "ERR The user executing the script can't run this command",
		    BUS_DENIED },
		{ "ERR max number of clients reached", BUS_BUSY },
		{ "ERR unknown command", BUS_REFUSED },
		{ "SSEORDER batch 3", BUS_ORDER },
		{ "SSEBAD event 2", BUS_REFUSED },
		{ "", BUS_REFUSED },
	};
	struct bus_batch *b = bus_batch_new(&conf);
	struct bus_attached a;
	struct bus_fork f;
	struct place p;
	struct sse_text t;
	size_t n;

	(void)state;
	for (size_t i = 0; i < nitems(errors); i++) {
		char text[80];
		redisReply r = { .type = REDIS_REPLY_ERROR, .str = text };

		strlcpy(text, errors[i].text, sizeof(text));
		r.len = strlen(text);
		assert_int_equal(bus_answer_of(&r), errors[i].answer);
		assert_int_equal(
		    bus_batch_answer(b, &r, NULL, NULL), errors[i].answer);
		assert_int_equal(bus_attach_answer(&r, &a), errors[i].answer);
		assert_int_equal(bus_page_answer(&r, &n), errors[i].answer);
		assert_int_equal(
		    bus_raise_answer(&r, &p, &f), errors[i].answer);
		assert_int_equal(bus_mark_answer(&r, &t), errors[i].answer);
	}
	/* Answers of another kind are refused, and none is read beyond. */
	for (int type = REDIS_REPLY_STRING; type <= REDIS_REPLY_STATUS;
	     type++) {
		char text[] = "x";
		redisReply r = { .type = type, .str = text, .len = 1 };

		if (type == REDIS_REPLY_ERROR)
			continue;
		assert_int_equal(
		    bus_batch_answer(b, &r, NULL, NULL), BUS_REFUSED);
		assert_int_equal(bus_attach_answer(&r, &a), BUS_REFUSED);
		assert_int_equal(bus_log_count(&r, 0), 0);
		assert_int_equal(bus_log_channel(&r, 3).len, 0);
	}
	assert_int_equal(bus_answer_of(NULL), BUS_BUSY);
	bus_batch_free(b);
}

static void
test_prefix(void **state)
{
	static const char longest[] =
	    "123456789012345678901234567890123456789012345678";
	char name[BUS_MARKER_LEN];

	(void)state;
	assert_true(bus_prefix_valid("sse:"));
	assert_true(bus_prefix_valid("{sse}:"));
	assert_true(bus_prefix_valid(longest));
	assert_false(bus_prefix_valid("x123456789012345678901234567890123456789"
				      "012345678"));
	assert_false(bus_prefix_valid(""));
	assert_false(bus_prefix_valid("a b"));
	assert_false(bus_prefix_valid("a*"));
	assert_false(bus_prefix_valid("\xc3\xbc"));
	conf.prefix = longest;
	bus_marker_name(&conf, name);
	assert_int_equal(strlen(name), BUS_PREFIX_MAX + 7 + 32);
	conf.prefix = "{x}:";
	publish("a", NULL, "d");
	assert_true(place_is_zero(last()));
	conf.prefix = "sse:";
}

static void
test_moved(void **state)
{
	static const struct {
		const char *in, *host;
		int port; /* 0: it points nowhere */
	} cases[] = {
		{ "MOVED 3999 127.0.0.1:6381", "127.0.0.1", 6381 },
		{ "MOVED 3999 node.example:1", "node.example", 1 },
		{ "MOVED 3999 ::1:6381", "::1", 6381 },
		{ "MOVED 3999 :6381", "", 6381 },
		{ "MOVED 3999 127.0.0.1:0", "", 0 },
		{ "MOVED 3999 127.0.0.1", "", 0 },
		{ "MOVED", "", 0 },
		{ "ASK 3999 127.0.0.1:6381", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		redisReply r = { .type = REDIS_REPLY_ERROR,
			.str = (char *)(uintptr_t)cases[i].in };
		struct sse_text host;
		int port;

		if (!bus_moved(&r, &host, &port)) {
			assert_int_equal(cases[i].port, 0);
			continue;
		}
		assert_true(text_is(host, cases[i].host));
		assert_int_equal(port, cases[i].port);
	}
	assert_false(bus_moved(NULL, NULL, NULL));
}

static void
test_tagged(void **state)
{
	(void)state;
	assert_true(bus_prefix_tagged("{sse}:"));
	assert_true(bus_prefix_tagged("my{s}"));
	assert_false(bus_prefix_tagged("sse:"));
	assert_false(bus_prefix_tagged("{}:"));
	assert_false(bus_prefix_tagged("}a{"));
	assert_false(bus_prefix_tagged("{a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_tagged),
		cmocka_unit_test_setup(test_round_trip, setup),
		cmocka_unit_test_setup(test_mint, setup),
		cmocka_unit_test_setup(test_mint_by_the_clock, setup),
		cmocka_unit_test_setup(test_mint_behind_adopted, setup),
		cmocka_unit_test_setup(test_origin_kept, setup),
		cmocka_unit_test_setup(test_birth, setup),
		cmocka_unit_test_setup(test_lost_last, setup),
		cmocka_unit_test_setup(test_refused_whole, setup),
		cmocka_unit_test_setup(test_wrong_kinds, setup),
		cmocka_unit_test_setup(test_foreign_keys, setup),
		cmocka_unit_test_setup(test_foreign_many, setup),
		cmocka_unit_test_setup(test_once, setup),
		cmocka_unit_test_setup(test_once_again, setup),
		cmocka_unit_test_setup(test_once_with_mark, setup),
		cmocka_unit_test_setup(test_producer, setup),
		cmocka_unit_test_setup(test_mark, setup),
		cmocka_unit_test_setup(test_families, setup),
		cmocka_unit_test_setup(test_trim, setup),
		cmocka_unit_test_setup(test_age, setup),
		cmocka_unit_test_setup(test_no_log, setup),
		cmocka_unit_test_setup(test_gone_log, setup),
		cmocka_unit_test_setup(test_attach, setup),
		cmocka_unit_test_setup(test_marker, setup),
		cmocka_unit_test_setup(test_raise, setup),
		cmocka_unit_test_setup(test_fork, setup),
		cmocka_unit_test_setup(test_far_ahead, setup),
		cmocka_unit_test_setup(test_payloads, setup),
		cmocka_unit_test_setup(test_runs, setup),
		cmocka_unit_test_setup(test_message_bound, setup),
		cmocka_unit_test_setup(test_many_keys, setup),
		cmocka_unit_test_setup(test_noscript, setup),
		cmocka_unit_test_setup(test_acl, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_prefix, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
