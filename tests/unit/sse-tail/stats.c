/* The line of --stats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-tail/stats.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static const char *
line(const struct stats *s, int64_t mono_ms)
{
	static char buf[256];

	return stats_line(s, mono_ms, buf, sizeof(buf));
}

static void
lines(void **state)
{
	struct stats s;

	(void)state;
	stats_begin(&s, 5000);
	/* No time has passed: nothing is divided by it. */
	assert_string_equal(line(&s, 5000),
	    "0 events, 0 bytes, 0 reconnections in 0.0 s, 0.0 events/s");
	s.events = 30;
	s.bytes = 1234;
	s.opened = 5;
	s.urls = 2;
	assert_string_equal(line(&s, 17000),
	    "30 events, 1234 bytes, 3 reconnections in 12.0 s, 2.5 events/s");
	s.lag_ms = 1250;
	assert_string_equal(line(&s, 17000),
	    "30 events, 1234 bytes, 3 reconnections in 12.0 s, 2.5 events/s, "
	    "lag 1.250 s");
}

/* How late an event came, where its ID says when it was published. */
static void
lags(void **state)
{
	const int64_t now = INT64_C(1763630000000);
	static const struct {
		const char *id;
		int64_t want;
	} cases[] = {
		{ "1763629999000-0", 1000 },
		{ "1763630000000-7", 0 },
		/* A clock that is behind the publisher's. */
		{ "1763630000500-0", 0 },
		/* Somebody's own IDs. */
		{ NULL, -1 },
		{ "", -1 },
		{ "17", -1 },
		{ "17-0", -1 },
		{ "a-b", -1 },
		{ "18446744073709551615-0", -1 },
		{ "1763629999000-0x", -1 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct event ev = EVENT_NONE;
		struct stats s;

		stats_begin(&s, 0);
		ev.has_id = cases[i].id != NULL;
		ev.id = text_of(cases[i].id);
		stats_event(&s, &ev, now);
		assert_int_equal(s.events, 1);
		if (s.lag_ms != cases[i].want)
			fail_msg("%s: %lld", cases[i].id, (long long)s.lag_ms);
	}
}

/* An event without a place leaves the lag of the last one with. */
static void
keeps(void **state)
{
	struct event ev = EVENT_NONE;
	struct stats s;

	(void)state;
	stats_begin(&s, 0);
	ev.has_id = true;
	ev.id = TEXT("1763630000000-0");
	stats_event(&s, &ev, INT64_C(1763630000042));
	ev.id = TEXT("mine");
	stats_event(&s, &ev, INT64_C(1763630009999));
	assert_int_equal(s.events, 2);
	assert_int_equal(s.lag_ms, 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(lags),
		cmocka_unit_test(keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
