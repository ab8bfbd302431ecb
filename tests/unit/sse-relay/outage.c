#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../cmd/sse-relay/outage.h"

static void
test_pauses(void **state)
{
	int64_t max = 100;

	(void)state;
	for (unsigned int n = 0; n < 40; n++) {
		for (int i = 0; i < 100; i++) {
			int64_t ms = outage_pause_ms(n);

			assert_true(ms >= max / 2 && ms <= max);
		}
		max = max * 2 < 10000 ? max * 2 : 10000;
	}
}

static void
test_course(void **state)
{
	struct outage o = OUTAGE_NONE;

	(void)state;
	assert_false(outage_too_long(&o, 1000000, 1));
	assert_int_equal(outage_end(&o, 5), -1);
	assert_true(outage_fail(&o, 1000, 0));
	assert_in_range(o.retry_ms, 1050, 1100);
	assert_false(outage_fail(&o, 1100, 0));
	assert_in_range(o.retry_ms, 1200, 1300);
	assert_false(outage_too_long(&o, 1000000, 0));
	assert_false(outage_too_long(&o, 1499, 500));
	assert_true(outage_too_long(&o, 1500, 500));
	assert_int_equal(outage_end(&o, 1600), 600);
	assert_int_equal(outage_end(&o, 1700), -1);
	/* It begins anew, with a short pause. */
	assert_true(outage_fail(&o, 2000, 0));
	assert_in_range(o.retry_ms, 2050, 2100);
}

/* The last attempt is when the time is up, neither later nor before. */
static void
test_limit(void **state)
{
	struct outage o = OUTAGE_NONE;
	int64_t now = 0;

	(void)state;
	while (!outage_too_long(&o, now, 3000)) {
		outage_fail(&o, now, 3000);
		assert_true(o.retry_ms > now || now == 3000);
		now = o.retry_ms;
	}
	assert_int_equal(now, 3000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_course),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
