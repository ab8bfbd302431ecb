/* How streams are closed when the server is stopped. */
#include "../../../cmd/sse-serve/drain.h"

#include "data.h"

/* How many are told at each step of a second; the sum is all of them. */
static size_t
told_by(struct drain *d, double now)
{
	size_t n = drain_due(d, now);

	d->told += n;
	return n;
}

static void
spread(void **state)
{
	struct drain d;
	size_t most = 0;

	(void)state;
	drain_begin(&d, 100000, 10000, 5.);
	for (int tenth = 0; tenth <= 91; tenth++) {
		size_t n = told_by(&d, 5. + tenth / 10.);

		most = n > most ? n : most;
	}
	assert_int_equal(d.told, 100000);
	assert_true(most < 1200);
	/* A late turn of the loop catches up. */
	drain_begin(&d, 10, 10000, 0.);
	assert_int_equal(told_by(&d, 0.), 1);
	assert_int_equal(told_by(&d, 0.), 0);
	assert_int_equal(told_by(&d, 0.101), 2);
	assert_int_equal(told_by(&d, 100.), 7);
	assert_int_equal(told_by(&d, 100.), 0);
}

static void
at_once(void **state)
{
	struct drain d;

	(void)state;
	drain_begin(&d, 7, 0, 1.);
	assert_int_equal(told_by(&d, 1.), 7);
	drain_begin(&d, 0, 1000, 1.);
	assert_int_equal(told_by(&d, 1.), 0);
	/* A clock that was set back. */
	drain_begin(&d, 7, 1000, 1.);
	assert_true(told_by(&d, 0.5) <= 1);
}

static void
retries(void **state)
{
	uint32_t tenths[10] = { 0 };

	(void)state;
	chance_begin(1);
	for (int i = 0; i < 10000; i++) {
		int64_t ms = drain_retry_ms(
		    100000, 2000, chance_below(UINT32_MAX));

		assert_in_range(ms, 2000, 22000);
		tenths[(ms - 2000) / 2001]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(tenths[i], 800, 1200);
	assert_in_range(drain_retry_ms(1, 2000, 12345), 2000, 4000);
	assert_int_equal(drain_retry_ms(1, 0, 12345), 0);
	assert_int_equal(drain_retry_ms(1, 86400000, 12345), 86400000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spread),
		cmocka_unit_test(at_once),
		cmocka_unit_test(retries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
