/* Event streams over a socket that takes little at a time. */
#include "data.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../cmd/sse-serve/stream.h"

#define MS0 UINT64_C(1000000)
#define HEAD "HTTP/1.1 200 OK\r\n\r\n"
#define RETRY "retry: 3000\n\n"

static struct channel_table table;
static struct channel *news, *sport;
static struct stream the_stream, *const stream = &the_stream;
static struct transport transport;
static int peer;
static struct era era;
static struct delivery delivered;
static const struct sse_event the_end = { .type = { "sse:end", 7 },
	.has = SSE_HAS_DATA };
static struct sse_buf got, want;

static void
open_pair(int bytes)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fcntl(fds[i], F_SETFL, O_NONBLOCK), 0);
		if (bytes > 0)
			assert_int_equal(setsockopt(fds[i], SOL_SOCKET,
					     SO_SNDBUF, &bytes, sizeof(bytes)),
			    0);
	}
	transport.fd = fds[0];
	peer = fds[1];
}

static void
begin(int bytes)
{
	open_pair(bytes);
	channel_table_init(&table);
	news = channel_get(&table, TEXT("news"));
	sport = channel_get(&table, TEXT("sport"));
	news->attached = sport->attached = true;
	era = (struct era){ .horizon = place_of(MS0, 0),
		.birth = place_of(MS0, 0),
		.now_ms = (int64_t)MS0 };
	got.len = want.len = 0;
	delivered = (struct delivery){ 0 };
}

static void
open_stream(unsigned int show, struct start start, struct sse_text after)
{
	struct channel *both[] = { news, sport };
	struct gap gap;

	stream_init(stream, show);
	assert_int_equal(subscriber_join(&stream->sub, both, 2), 0);
	gap = subscriber_start(&stream->sub, &start, &era);
	assert_int_equal(
	    stream_open(stream, TEXT(HEAD), 3000, "1-2-3", &gap, after, &era),
	    0);
}

static void
open_now(unsigned int show)
{
	open_stream(show, (struct start){ .kind = START_NOW }, text_of(NULL));
}

static void
end(void)
{
	stream_clear(stream);
	channel_table_clear(&table);
	transport_close(&transport);
	if (peer != -1)
		close(peer);
	sse_buf_free(&got);
	sse_buf_free(&want);
}

static void
expect(const char *text)
{
	assert_int_equal(sse_buf_append(&want, text, strlen(text)), 0);
}

static void
take(size_t most)
{
	while (most > 0) {
		char buf[4096];
		size_t len = most < sizeof(buf) ? most : sizeof(buf);
		ssize_t n = read(peer, buf, len);

		if (n <= 0)
			return;
		assert_int_equal(sse_buf_append(&got, buf, (size_t)n), 0);
		most -= (size_t)n;
	}
}

static void
hold_same(void)
{
	take(SIZE_MAX);
	hold_true(got.len == want.len);
	hold_true(memcmp(got.ptr, want.ptr, want.len) == 0);
}

static void
hold_text(const char *text)
{
	want.len = 0;
	expect(text);
	take(SIZE_MAX);
	assert_int_equal(sse_buf_append(&got, "", 1), 0);
	got.len--;
	assert_string_equal(got.ptr, text);
}

static enum stream_state
pump(void)
{
	return stream_pump(stream, &transport, &era, NULL, NULL, &delivered);
}

static struct message *
publish_event(struct channel *ch, const struct event *ev)
{
	struct place p = place_next(era.horizon, 0);
	struct message *m = message_from(ev, p, replay_last(&ch->log));

	era.horizon = p;
	assert_int_equal(channel_publish(&table, ch, m), 0);
	return m;
}

static struct message *
publish(struct channel *ch, const char *data)
{
	struct event ev = event_in(ch->named.name.ptr);

	ev.data = text_of(data);
	return publish_event(ch, &ev);
}

/* Events of all sizes; some are larger than the socket's buffer. */
static void
publish_some(unsigned int show)
{
	static char text[20000];
	struct event ev = event_in("news");
	struct sse_text wire;

	memset(text, 'x', sizeof(text));
	ev.data = (struct sse_text){ text,
		chance_below(chance_below(20) ? 200 : sizeof(text)) };
	ev.origin = TEXT("a-b");
	wire = message_wire(
	    publish_event(chance_below(2) ? news : sport, &ev), show);
	assert_int_equal(sse_buf_append(&want, wire.ptr, wire.len), 0);
}

static void
short_writes(void **state)
{
	static const unsigned int shows[] = { 0, SHOW_CHANNEL, SHOW_ROUTING };

	(void)state;
	for (uint32_t s = 0; s < 60; s++) {
		unsigned int show = shows[s % nitems(shows)];
		enum stream_state st;

		chance_begin(s);
		begin(1);
		open_now(show);
		expect(HEAD RETRY);
		for (int i = 0; i < 400; i++) {
			if (chance_below(4))
				publish_some(show);
			if (chance_below(3) == 0)
				take(chance_below(3000));
			if (chance_below(2))
				hold_true(pump() != STREAM_GONE);
		}
		while ((st = pump()) == STREAM_BLOCKED) {
			hold_true(stream_blocked(stream));
			take(1 + chance_below(5000));
		}
		hold_true(st == STREAM_IDLE && !stream_blocked(stream));
		hold_true(stream->behind == NULL);
		hold_same();
		end();
	}
}

/* A reader that has stopped costs one event cut in two, however much comes. */
static void
stalled(void **state)
{
	size_t held = 0;

	(void)state;
	begin(1);
	open_now(0);
	for (int i = 0; i < 3000; i++) {
		(void)publish(
		    news, "some forty bytes of data, which are not read");
		assert_int_not_equal(pump(), STREAM_GONE);
	}
	assert_true(stream_blocked(stream));
	for (size_t i = 0; i < news->log.count; i++) {
		unsigned int refs = message_refs(replay_at(&news->log, i));

		assert_in_range(refs, 1, 2);
		held += refs - 1;
	}
	assert_in_range(held, 0, 1);
	/* What it is late for goes meanwhile, and it is told so, once. */
	replay_drop_to(&news->log, place_of(MS0, 2990));
	for (int i = 0; i < 100; i++)
		assert_int_equal(pump(), STREAM_BLOCKED);
	take(SIZE_MAX);
	while (pump() == STREAM_BLOCKED)
		take(SIZE_MAX);
	take(SIZE_MAX);
	assert_int_equal(sse_buf_append(&got, "", 1), 0);
	{
		const char *said = strstr(got.ptr, "event: sse:gap\n");
		char after[64], line[160];
		const char *id = said;

		assert_non_null(said);
		assert_null(strstr(said + 1, "event: sse:gap\n"));
		while (strncmp(id, "\nid: ", 5) != 0)
			id--;
		snprintf(after, sizeof(after), "%.*s",
		    (int)strcspn(id + 5, "\n"), id + 5);
		snprintf(line, sizeof(line),
		    "event: sse:gap\ndata: {\"after\":\"%s\",\"oldest\":"
		    "\"1000000-2991\"}\n\nid: 1000000-2991\n",
		    after);
		assert_memory_equal(said, line, strlen(line));
	}
	end();
}

static struct start
from(const char *id)
{
	return (struct start){ .kind = START_ID, .id = text_of(id) };
}

static void
opens(void **state)
{
	static const struct {
		const char *what;
		unsigned int show;
		const char *id;
		const char *wire;
	} cases[] = {
		{ "from now on", 0, NULL, RETRY },
		{ "hello", SHOW_HELLO, NULL,
		    RETRY "event: sse:hello\ndata: {\"channels\":[\"news\","
			  "\"sport\"],\"place\":\"1000000-2\","
			  "\"connection\":\"1-2-3\"}\n\n" },
		{ "place", SHOW_PLACE, NULL, RETRY "id: 1000000-2\n\n" },
		{ "after an ID", 0, "1000000-1",
		    RETRY "id: 1000000-2\ndata: two\n\n" },
		{ "after an ID, with its place", SHOW_PLACE, "1000000-1",
		    RETRY "id: 1000000-1\n\nid: 1000000-2\ndata: two\n\n" },
		{ "after an unknown ID", SHOW_PLACE, "what\"?",
		    RETRY "event: sse:gap\ndata: {\"after\":\"what\\\"?\","
			  "\"oldest\":\"1000000-1\"}\n\n"
			  "id: 1000000-1\ndata: one\n\n"
			  "id: 1000000-2\ndata: two\n\n" },
		{ "after an ID that is not UTF-8", 0,
		    "\xff"
		    "a\xe2\x82",
		    RETRY "event: sse:gap\ndata: {\"after\":"
			  "\"\xef\xbf\xbd"
			  "a\xef\xbf\xbd\","
			  "\"oldest\":\"1000000-1\"}\n\n"
			  "id: 1000000-1\ndata: one\n\n"
			  "id: 1000000-2\ndata: two\n\n" },
		{ "after one ahead", 0, "1000000-3",
		    RETRY "event: sse:gap\ndata: {\"after\":\"1000000-3\","
			  "\"oldest\":\"1000000-1\"}\n\n"
			  "id: 1000000-1\ndata: one\n\n"
			  "id: 1000000-2\ndata: two\n\n" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		begin(0);
		(void)publish(news, "one");
		(void)publish(sport, "two");
		if (cases[i].id == NULL)
			open_now(cases[i].show);
		else
			open_stream(cases[i].show, from(cases[i].id),
			    text_of(cases[i].id));
		assert_int_equal(pump(), STREAM_IDLE);
		take(sizeof(HEAD) - 1);
		assert_memory_equal(got.ptr, HEAD, sizeof(HEAD) - 1);
		got.len = 0;
		hold_text(cases[i].wire);
		end();
	}
}

/* Nothing is kept any more: there is no oldest. */
static void
gap_without_oldest(void **state)
{
	(void)state;
	begin(0);
	(void)publish(news, "one");
	replay_drop_to(&news->log, era.horizon);
	open_stream(0, from("1000000-0"), TEXT("1000000-0"));
	assert_int_equal(pump(), STREAM_IDLE);
	hold_text(HEAD RETRY "event: sse:gap\ndata: "
			     "{\"after\":\"1000000-0\",\"oldest\":null}\n\n");
	end();
}

static enum stream_state
keepalive(void)
{
	return stream_keepalive(stream, &transport, &era, &delivered);
}

static void
kept_alive(void **state)
{
	(void)state;
	begin(0);
	open_now(0);
	assert_int_equal(pump(), STREAM_IDLE);
	assert_int_equal(keepalive(), STREAM_IDLE);
	assert_int_equal(keepalive(), STREAM_IDLE);
	hold_text(HEAD RETRY ":\n:\n");
	stream_clear(stream);
	got.len = 0;

	/* With its place where that has moved, else with a comment. */
	open_now(SHOW_PLACE);
	assert_int_equal(pump(), STREAM_IDLE);
	assert_int_equal(keepalive(), STREAM_IDLE);
	era.horizon = place_of(MS0, 5);
	assert_int_equal(keepalive(), STREAM_IDLE);
	assert_int_equal(keepalive(), STREAM_IDLE);
	hold_text(HEAD RETRY "id: 1000000-0\n\n:\nid: 1000000-5\n\n:\n");
	assert_true(place_same(stream->sub.cursor, era.horizon));
	got.len = 0;

	/* What is due is never passed over for it. */
	(void)publish(news, "due");
	assert_int_equal(keepalive(), STREAM_IDLE);
	hold_text("id: 1000000-6\ndata: due\n\n");
	got.len = 0;
	(void)publish(news, "lost");
	replay_drop_to(&news->log, era.horizon);
	assert_int_equal(keepalive(), STREAM_IDLE);
	hold_text("event: sse:gap\ndata: "
		  "{\"after\":\"1000000-6\",\"oldest\":null}\n\n");
	end();
}

static void
kept_alive_behind(void **state)
{
	(void)state;
	begin(1);
	open_now(0);
	do
		(void)publish(news, "much");
	while (pump() == STREAM_IDLE);
	for (int i = 0; i < 10; i++)
		assert_int_equal(keepalive(), STREAM_BLOCKED);
	take(SIZE_MAX);
	while (pump() == STREAM_BLOCKED)
		take(SIZE_MAX);
	take(SIZE_MAX);
	assert_null(memmem(got.ptr, got.len, "\n:", 2));
	end();
}

static void
publish_raw(const char *data)
{
	struct event ev = event_in("news");

	ev.data = text_of(data);
	assert_int_equal(channel_publish(&table, news,
			     message_from(&ev, PLACE_ZERO, PLACE_ZERO)),
	    0);
}

/* Live only ones follow what is due, and none is lost to who keeps up. */
static void
raw(void **state)
{
	(void)state;
	begin(0);
	open_now(0);
	assert_int_equal(pump(), STREAM_IDLE);
	expect(HEAD RETRY "id: 1000000-1\ndata: due\n\n");
	for (int i = 0; i < 1000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "raw %d", i);
		publish_raw(text);
		expect("data: ");
		expect(text);
		expect("\n\n");
	}
	(void)publish(news, "due");
	assert_int_equal(
	    stream_pump(stream, &transport, &era, news, NULL, &delivered),
	    STREAM_IDLE);
	hold_same();
	assert_true(place_same(stream->sub.cursor, era.horizon));
	channel_served(news, era.horizon);
	assert_int_equal(
	    stream_pump(stream, &transport, &era, news, NULL, &delivered),
	    STREAM_IDLE);
	hold_same();
	end();
}

/* The end is said once, behind everything, whatever the connection takes. */
static void
ended(void **state)
{
	static const int sizes[] = { 0, 1 };

	(void)state;
	for (size_t i = 0; i < nitems(sizes); i++) {
		enum stream_state st;

		begin(sizes[i]);
		open_now(0);
		expect(HEAD RETRY);
		for (int j = 0; j < 2000; j++)
			publish_some(0);
		expect("event: sse:end\ndata:\n\n");
		while ((st = stream_pump(stream, &transport, &era, NULL,
			    &the_end, &delivered)) == STREAM_BLOCKED)
			take(100000);
		assert_int_equal(st, STREAM_DONE);
		hold_same();
		assert_int_equal(stream_pump(stream, &transport, &era, NULL,
				     &the_end, &delivered),
		    STREAM_DONE);
		hold_same();
		/* What was counted is what has come, each event once. */
		assert_int_equal(delivered.events, 2000);
		assert_int_equal(delivered.bytes, got.len);
		assert_int_equal(delivered.gaps, 0);
		end();
	}
}

static void
peer_gone(void **state)
{
	(void)state;
	begin(0);
	open_now(0);
	assert_int_equal(pump(), STREAM_IDLE);
	close(peer);
	peer = -1;
	(void)publish(news, "nobody reads this");
	assert_int_equal(pump(), STREAM_GONE);
	assert_int_equal(keepalive(), STREAM_GONE);
	end();
}

/* With a hole amid what is due, the gap stands right there. */
static void
hole(void **state)
{
	struct event ev = event_in("news");

	(void)state;
	begin(0);
	open_now(0);
	(void)publish(news, "one");
	(void)publish(sport, "two");
	ev.data = TEXT("four");
	assert_int_equal(
	    channel_publish(&table, news,
		message_from(&ev, place_of(MS0, 4), place_of(MS0, 3))),
	    0);
	era.horizon = place_of(MS0, 4);
	assert_int_equal(pump(), STREAM_IDLE);
	hold_text(HEAD RETRY "id: 1000000-1\ndata: one\n\n"
			     "event: sse:gap\ndata: {\"after\":\"1000000-1\","
			     "\"oldest\":\"1000000-2\"}\n\n"
			     "id: 1000000-2\ndata: two\n\n"
			     "id: 1000000-4\ndata: four\n\n");
	assert_int_equal(delivered.events, 3);
	assert_int_equal(delivered.gaps, 1);
	end();
}

/* Each block of what was got, in turn; NULL: no more.  *ahead: out of turn. */
static const char *
next_block(const char *p, struct place *place, bool *ahead)
{
	const char *end = strstr(p, "\n\n");
	size_t skip;

	if (end == NULL)
		return NULL;
	*ahead = strncmp(p, "ahead: ", 7) == 0;
	skip = *ahead ? 7 : 4;
	hold_true(*ahead || strncmp(p, "id: ", 4) == 0);
	p += skip;
	hold_true(place_parse(p, strcspn(p, "\n"), place));
	return end + 2;
}

/*
 * Each event comes once, by its ID in the order of places, or, when it is of
 * priority high, before its turn.
 */
static size_t
hold_priorities(const bool *high, size_t n, bool strict)
{
	bool seen[2000] = { false };
	struct place last = PLACE_ZERO, last_ahead = PLACE_ZERO, p;
	const char *at;
	size_t out_of_turn = 0;
	bool ahead;

	hold_true(sse_buf_append(&got, "", 1) == 0);
	at = strstr(got.ptr, RETRY) + strlen(RETRY);
	while ((at = next_block(at, &p, &ahead)) != NULL) {
		hold_true(p.seq <= n && !seen[p.seq]);
		seen[p.seq] = true;
		hold_true(place_cmp(p, last) > 0);
		if (!ahead) {
			last = p;
			continue;
		}
		hold_true(!strict && high[p.seq]);
		hold_true(place_cmp(p, last_ahead) > 0);
		last_ahead = p;
		out_of_turn++;
	}
	for (size_t i = 1; i <= n; i++)
		hold_true(seen[i]);
	return out_of_turn;
}

static size_t
priorities_by_chance(bool strict)
{
	static char text[3000];
	bool high[2000] = { false };
	size_t n = 0;

	begin(1);
	open_now(0);
	stream->sub.strict = strict;
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 600; i++) {
		struct event ev = event_in("news");

		ev.data = (struct sse_text){ text,
			chance_below(chance_below(20) ? 200 : sizeof(text)) };
		ev.high = high[++n] = chance_below(6) == 0;
		(void)publish_event(chance_below(2) ? news : sport, &ev);
		if (chance_below(3) == 0)
			take(chance_below(4000));
		if (chance_below(2))
			hold_true(pump() != STREAM_GONE);
	}
	while (pump() == STREAM_BLOCKED)
		take(1 + chance_below(5000));
	take(SIZE_MAX);
	hold_true(stream->sub.aside == NULL);
	hold_true(place_same(stream->sub.cursor, era.horizon));
	hold_true(delivered.events == n);
	n = hold_priorities(high, n, strict);
	end();
	return n;
}

static void
priorities(void **state)
{
	size_t out_of_turn = 0;

	(void)state;
	for (uint32_t s = 0; s < 60; s++) {
		chance_begin(s);
		out_of_turn += priorities_by_chance(s % 4 == 0);
	}
	assert_true(out_of_turn > 500);
}

/* To one who keeps up there is but one order. */
static void
priority_in_turn(void **state)
{
	struct event ev = event_in("news");

	(void)state;
	begin(0);
	open_now(SHOW_CHANNEL);
	(void)publish(news, "one");
	ev.high = true;
	ev.data = TEXT("two");
	(void)publish_event(news, &ev);
	assert_int_equal(pump(), STREAM_IDLE);
	hold_text(HEAD RETRY "channel: news\nid: 1000000-1\ndata: one\n\n"
			     "channel: news\nid: 1000000-2\ndata: two\n\n");
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_writes),
		cmocka_unit_test(stalled),
		cmocka_unit_test(opens),
		cmocka_unit_test(gap_without_oldest),
		cmocka_unit_test(kept_alive),
		cmocka_unit_test(kept_alive_behind),
		cmocka_unit_test(raw),
		cmocka_unit_test(ended),
		cmocka_unit_test(peer_gone),
		cmocka_unit_test(hole),
		cmocka_unit_test(priorities),
		cmocka_unit_test(priority_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
