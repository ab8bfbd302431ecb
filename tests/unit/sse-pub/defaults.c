#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../cmd/sse-pub/defaults.h"

/* An event of which everything is set to what begins with a. */
static const struct event own = {
	.channel = { "a-channel", 9 },
	.type = { "a-type", 6 },
	.id = { "a-id", 4 },
	.data = { "a-data", 6 },
	.match = { "a=a", 3 },
	.retry_ms = 1,
	.expires_ms = 2,
	.has_id = true,
	.has_data = true,
};

static const struct defaults all = {
	.ev = {
		.channel = { "b-channel", 9 },
		.type = { "b-type", 6 },
		.id = { "b-id", 4 },
		.match = { "b=b", 3 },
		.retry_ms = 10,
		.expires_ms = -1,
		.high = true,
		.has_id = true,
	},
	.expires_in_ms = 500,
};

static void
what_an_event_says_holds(void **state)
{
	struct event ev = own;

	(void)state;
	defaults_fill(&all, &ev, 1000);
	assert_ptr_equal(ev.channel.ptr, own.channel.ptr);
	assert_ptr_equal(ev.type.ptr, own.type.ptr);
	assert_ptr_equal(ev.id.ptr, own.id.ptr);
	assert_ptr_equal(ev.data.ptr, own.data.ptr);
	assert_ptr_equal(ev.match.ptr, own.match.ptr);
	assert_int_equal(ev.retry_ms, 1);
	assert_int_equal(ev.expires_ms, 2);
}

static void
what_it_leaves_open_is_filled(void **state)
{
	struct event ev = EVENT_NONE;

	(void)state;
	defaults_fill(&all, &ev, 1000);
	assert_ptr_equal(ev.channel.ptr, all.ev.channel.ptr);
	assert_ptr_equal(ev.type.ptr, all.ev.type.ptr);
	assert_ptr_equal(ev.id.ptr, all.ev.id.ptr);
	assert_true(ev.has_id);
	assert_ptr_equal(ev.match.ptr, all.ev.match.ptr);
	assert_int_equal(ev.retry_ms, 10);
	assert_int_equal(ev.expires_ms, 1500);
	assert_true(ev.high);
	assert_int_equal(ev.data.len, 0);
	assert_false(ev.has_data);
}

static void
none_change_nothing(void **state)
{
	const struct defaults none = DEFAULTS_NONE;
	struct event ev = EVENT_NONE;

	(void)state;
	defaults_fill(&none, &ev, 1000);
	assert_int_equal(ev.channel.len, 0);
	assert_false(ev.has_id);
	assert_false(ev.high);
	assert_int_equal(ev.retry_ms, -1);
	assert_int_equal(ev.expires_ms, -1);
}

/* An empty ID is one that the event bears: it clears the last event ID. */
static void
an_empty_id_is_an_id(void **state)
{
	struct event ev = EVENT_NONE;

	(void)state;
	ev.has_id = true;
	defaults_fill(&all, &ev, 1000);
	assert_int_equal(ev.id.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_event_says_holds),
		cmocka_unit_test(what_it_leaves_open_is_filled),
		cmocka_unit_test(none_change_nothing),
		cmocka_unit_test(an_empty_id_is_an_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
