#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-relay/batch.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))
#define MAX 100 /* bytes of a full batch */

static struct event
an_event(const char *channel, const char *data)
{
	struct event ev = EVENT_NONE;

	ev.channel = text_of(channel);
	ev.data = text_of(data);
	ev.has_data = true;
	return ev;
}

static void
add(struct batches *b, const char *channel, const char *data)
{
	struct event ev = an_event(channel, data);

	assert_true(batches_room(b, &ev));
	assert_int_equal(batches_add(b, &ev), 0);
}

static void
assert_text(struct sse_text t, const char *want)
{
	assert_int_equal(t.len, strlen(want));
	assert_memory_equal(t.ptr, want, t.len);
}

static const struct {
	char *peer;
	bool serve;
	const char *channel, *url, *key;
} urls[] = {
	{ "http://a", true, "news", "http://a/events/news", "Sse-Producer: " },
	{ "http://a/", true, "news", "http://a/events/news", "Sse-Producer: " },
	{ "http://a/b?k=/#f", true, "group:x y",
	    "http://a/b/events/group%3Ax%20y?k=/#f", "Sse-Producer: " },
	{ "http://a", true, "\xc3\xa9~", "http://a/events/%C3%A9~",
	    "Sse-Producer: " },
	{ "http://a/in?k", false, "news", "http://a/in?k",
	    "Idempotency-Key: \"" },
};

static void
test_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(urls); i++) {
		struct endpoint peer = { .url = urls[i].peer,
			.serve = urls[i].serve };
		char key[BATCH_KEY_BYTES];
		struct batches b;

		batches_init(&b, &peer, MAX);
		add(&b, urls[i].channel, "x");
		assert_int_equal(batches_launch(&b), 0);
		assert_string_equal(b.url, urls[i].url);
		batches_key(&b, key);
		assert_memory_equal(key, urls[i].key, strlen(urls[i].key));
		batches_free(&b);
	}
}

/* The URL names the channel of the first event, and of those like it. */
static void
test_channels(void **state)
{
	struct endpoint peer = { .url = (char[]){ "http://a" }, .serve = true };
	struct batches b;

	(void)state;
	batches_init(&b, &peer, MAX);
	add(&b, "one", "1");
	add(&b, "two", "2");
	add(&b, "one", "3");
	assert_text((struct sse_text){ b.next->body.ptr, b.next->body.len },
	    "data: 1\n\nchannel: two\ndata: 2\n\ndata: 3\n\n");
	batches_free(&b);
}

static void
test_course(void **state)
{
	struct endpoint peer = { .url = (char[]){ "http://a" }, .serve = true };
	char large[MAX + 1];
	struct batches b;
	struct event ev;

	(void)state;
	memset(large, 'x', MAX);
	large[MAX] = '\0';
	ev = an_event("news", large);
	batches_init(&b, &peer, MAX);
	assert_true(batches_settled(&b));
	/* One that is too large goes alone. */
	assert_true(batches_room(&b, &ev));
	add(&b, "news", "1");
	assert_false(batches_room(&b, &ev));
	assert_int_equal(mark_set(&b.next->to, TEXT("m1")), 0);
	assert_int_equal(batches_launch(&b), 0);
	assert_int_equal(b.number, 1);
	add(&b, "news", "2");
	assert_int_equal(mark_set(&b.next->to, TEXT("m2")), 0);
	assert_int_equal(batches_waiting(&b), 2);
	assert_text(batches_done(&b), "");
	assert_int_equal(batches_landed(&b), 0);
	assert_text(batches_done(&b), "m1");
	assert_int_equal(batches_waiting(&b), 1);
	assert_int_equal(batches_launch(&b), 0);
	assert_int_equal(b.number, 2);
	assert_int_equal(batches_landed(&b), 0);
	assert_true(batches_settled(&b));
	assert_text(batches_done(&b), "m2");
	batches_free(&b);
}

/* However small they are, sse-serve takes no more under one number. */
static void
test_full(void **state)
{
	struct endpoint peer = { .url = (char[]){ "http://a" }, .serve = true };
	struct event ev = an_event("news", "");
	struct batches b;

	(void)state;
	batches_init(&b, &peer, (size_t)1 << 20);
	while (batches_room(&b, &ev))
		add(&b, "news", "");
	assert_int_equal(batches_waiting(&b), 1000);
	assert_int_equal(batches_launch(&b), 0);
	assert_true(batches_room(&b, &ev));
	batches_free(&b);
}

/* What was flying is sent again as it was, or under another number. */
static void
test_resume(void **state)
{
	struct endpoint peer = { .url = (char[]){ "http://a" }, .serve = true };
	char key[BATCH_KEY_BYTES], again[BATCH_KEY_BYTES];
	struct state_flight f;
	struct batches one, two;

	(void)state;
	batches_init(&one, &peer, MAX);
	add(&one, "news", "1");
	assert_int_equal(mark_set(&one.next->to, TEXT("m1")), 0);
	assert_int_equal(batches_launch(&one), 0);
	f = batches_flight(&one);
	batches_init(&two, &peer, MAX);
	assert_int_equal(batches_resume(&two, &f), 0);
	batches_key(&one, key);
	batches_key(&two, again);
	assert_string_equal(key, again);
	assert_string_equal(two.url, one.url);
	assert_text((struct sse_text){ two.sent->body.ptr, two.sent->body.len },
	    "data: 1\n\n");
	assert_false(batches_settled(&two));
	batches_renumber(&two);
	batches_key(&two, again);
	assert_string_not_equal(key, again);
	assert_int_equal(batches_landed(&two), 0);
	assert_text(batches_done(&two), "m1");
	batches_free(&one);
	batches_free(&two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_course),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_resume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
