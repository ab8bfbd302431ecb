/* Numbers: sums, names and buckets. */
#include "../../../cmd/sse-serve/counters.h"

#include "data.h"

static void
sums(void **state)
{
	struct counters a = { .accepted = 1, .redis_up = 1 }, b = a;

	(void)state;
	b.refusals[REFUSAL_LATE] = 3;
	counters_add(&a, &b);
	assert_int_equal(a.accepted, 2);
	assert_int_equal(a.refusals[REFUSAL_LATE], 3);
	assert_int_equal(a.redis_up, 2);
	assert_int_equal(a.bytes_in, 0);
}

/* A bound belongs to its bucket, and what is above all has one of its own. */
static void
buckets(void **state)
{
	struct delays d = { .sum_us = 0 };

	(void)state;
	delays_add(&d, 0);
	delays_add(&d, delay_bounds_us[0]);
	delays_add(&d, delay_bounds_us[0] + 1);
	delays_add(&d, delay_bounds_us[DELAYS - 1] + 1);
	assert_int_equal(d.n[0], 2);
	assert_int_equal(d.n[1], 1);
	assert_int_equal(d.n[DELAYS], 1);
	assert_int_equal(
	    d.sum_us, 2 * delay_bounds_us[0] + 2 + delay_bounds_us[DELAYS - 1]);
}

static void
named(void **state)
{
	(void)state;
	for (size_t i = 0; i < REFUSALS; i++)
		assert_non_null(refusal_names[i]);
	for (size_t i = 0; i < ENDINGS; i++)
		assert_non_null(ending_names[i]);
	for (size_t i = 0; i < OUTCOMES; i++)
		assert_non_null(outcome_names[i]);
	for (size_t i = 0; i < FROM_KINDS; i++)
		assert_non_null(origin_kind_names[i]);
	for (size_t i = 1; i < DELAYS; i++)
		assert_true(delay_bounds_us[i] > delay_bounds_us[i - 1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums),
		cmocka_unit_test(buckets),
		cmocka_unit_test(named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
