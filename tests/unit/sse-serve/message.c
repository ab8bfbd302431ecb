/* Messages: one block of bytes, seen in three ways, shared by reference. */
#include "data.h"

#include <pthread.h>

static void
same(struct sse_text got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.ptr, want, got.len);
}

#define PLACE ((struct place){ 1763630000000, 7 })

static void
views(void **state)
{
	static const struct {
		const char *what;
		struct event ev;
		bool raw;
		const char *routing, *channel, *plain, *type, *id;
	} cases[] = {
		{ "data alone",
		    { .data = TEXT_INIT("x"),
			.retry_ms = -1,
			.expires_ms = -1 },
		    false, "", "channel: c\n",
		    "id: 1763630000000-7\ndata: x\n\n", "", "1763630000000-7" },
		{ "a raw one has no ID, not even its own",
		    { .data = TEXT_INIT("x"),
			.id = TEXT_INIT("own"),
			.has_id = true,
			.retry_ms = -1,
			.expires_ms = -1 },
		    true, "", "channel: c\n", "data: x\n\n", "", "" },
		{ "everything",
		    { .data = TEXT_INIT("a\nb"),
			.type = TEXT_INIT("alert"),
			.id = TEXT_INIT("event: 7"),
			.has_id = true,
			.match = TEXT_INIT("a=b"),
			.origin = TEXT_INIT("1-1"),
			.via = TEXT_INIT("r1 r2"),
			.high = true,
			.retry_ms = 10,
			.expires_ms = 1500 },
		    false,
		    "match: a=b\npriority: high\nexpires: 1.5\norigin: 1-1\n"
		    "via: r1 r2\n",
		    "channel: c\n",
		    "event: alert\nid: event: 7\nretry: 10\ndata: a\ndata: b\n\n",
		    "alert", "event: 7" },
		{ "a type that looks like a field, and the plain type named",
		    { .data = TEXT_INIT(""),
			.type = TEXT_INIT("id: 5"),
			.retry_ms = -1,
			.expires_ms = -1 },
		    false, "", "channel: c\n",
		    "event: id: 5\nid: 1763630000000-7\ndata:\n\n", "id: 5",
		    "1763630000000-7" },
		{ "message is the type that is not said",
		    { .data = TEXT_INIT("x"),
			.type = TEXT_INIT("message"),
			.retry_ms = -1,
			.expires_ms = -1 },
		    false, "", "channel: c\n",
		    "id: 1763630000000-7\ndata: x\n\n", "", "1763630000000-7" },
		{ "an own ID that is empty",
		    { .data = TEXT_INIT("id: 9"),
			.has_id = true,
			.retry_ms = -1,
			.expires_ms = -1 },
		    false, "", "channel: c\n", "id:\ndata: id: 9\n\n", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct event ev = cases[i].ev;
		char want[512];
		struct message *m;

		ev.channel = TEXT("c");
		ev.has_data = true;
		m = message_from(
		    &ev, cases[i].raw ? PLACE_ZERO : PLACE, place_of(3, 4));
		same(message_channel(m), "c");
		same(message_type(m), cases[i].type);
		same(message_id(m), cases[i].id);
		assert_true(place_same(m->prev, place_of(3, 4)));
		assert_int_equal(m->expires_ms, ev.expires_ms);
		same(message_wire(m, 0), cases[i].plain);
		same(message_wire(m, SHOW_PLACE | SHOW_HELLO), cases[i].plain);
		snprintf(want, sizeof(want), "%s%s", cases[i].channel,
		    cases[i].plain);
		same(message_wire(m, SHOW_CHANNEL), want);
		snprintf(want, sizeof(want), "%s%s%s", cases[i].routing,
		    cases[i].channel, cases[i].plain);
		same(message_wire(m, SHOW_ROUTING), want);
		same(message_wire(m, SHOW_ROUTING | SHOW_CHANNEL), want);
		assert_true(message_cost(m) >= sizeof(*m) + m->len);
		message_unref(m);
	}
}

static void
refused(void **state)
{
	struct sse_buf scratch = { 0 };
	struct event ev = event_in("c");

	(void)state;
	ev.type = TEXT("a\nb");
	errno = 0;
	assert_null(message_new(&scratch, &ev, PLACE, PLACE_ZERO));
	assert_int_equal(errno, EINVAL);
	ev = event_in("c");
	ev.id = TEXT("a\0b");
	ev.has_id = true;
	errno = 0;
	assert_null(message_new(&scratch, &ev, PLACE, PLACE_ZERO));
	assert_int_equal(errno, EINVAL);
	/* What failed has left nothing behind for the next. */
	ev = event_in("c");
	struct message *m = message_new(&scratch, &ev, PLACE, PLACE_ZERO);
	assert_non_null(m);
	same(message_wire(m, SHOW_ROUTING),
	    "channel: c\nid: 1763630000000-7\ndata: text\n\n");
	message_unref(m);
	sse_buf_free(&scratch);
}

#define TURNS 20000

static void *
share(void *arg)
{
	struct message *m = arg;

	for (int i = 0; i < TURNS; i++) {
		message_ref(m);
		(void)message_wire(m, 0);
		message_unref(m);
	}
	message_unref(m); /* the one it was given */
	return NULL;
}

/* Whoever is last frees it; the sanitizers see whether somebody did, once. */
static void
shared(void **state)
{
	struct message *m = message_at("c", PLACE, PLACE_ZERO);
	pthread_t threads[3];

	(void)state;
	for (size_t i = 0; i < nitems(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, share, message_ref(m)),
		    0);
	for (size_t i = 0; i < nitems(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(message_refs(m), 1);
	message_unref(m);
	message_unref(NULL);
}

/* What is urgent bears another block, with ahead in place of id. */
static void
ahead(void **state)
{
	static const struct {
		unsigned int show;
		const char *wire;
	} cases[] = {
		{ 0, "event: id\nahead: own\ndata: id: 7\n\n" },
		{ SHOW_CHANNEL,
		    "channel: id\nevent: id\nahead: own\ndata: id: 7\n\n" },
		{ SHOW_ROUTING,
		    "priority: high\norigin: id\nchannel: id\nevent: id\n"
		    "ahead: own\ndata: id: 7\n\n" },
	};
	struct event ev = event_in("id");
	struct message *m;

	(void)state;
	ev.high = ev.has_id = true;
	ev.type = ev.origin = TEXT("id");
	ev.id = TEXT("own");
	ev.data = TEXT("id: 7");
	m = message_from(&ev, place_of(1, 1), PLACE_ZERO);
	for (size_t i = 0; i < nitems(cases); i++) {
		struct sse_text t = message_ahead(m, cases[i].show);

		assert_int_equal(t.len, strlen(cases[i].wire));
		assert_memory_equal(t.ptr, cases[i].wire, t.len);
	}
	message_unref(m);
	/* What is live only has no ID, and no turn. */
	m = message_from(&ev, PLACE_ZERO, PLACE_ZERO);
	assert_int_equal(m->ahead_len, 0);
	message_unref(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views),
		cmocka_unit_test(refused),
		cmocka_unit_test(shared),
		cmocka_unit_test(ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
