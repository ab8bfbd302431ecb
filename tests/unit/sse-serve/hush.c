/* Messages that strangers cause, no faster than one reads. */
#include "../../../cmd/sse-serve/hush.h"

#include "data.h"

#define NOW INT64_C(1763640000000)

static void
spans(void **state)
{
	struct hush h = { 0 };
	int said = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		said += hush_pass(&h, NOW + i);
	assert_int_equal(said, HUSH_LINES);
	assert_int_equal(hush_over(&h, NOW + HUSH_MS - 1), 0);
	assert_int_equal(hush_due_ms(&h), NOW + HUSH_MS);
	assert_int_equal(hush_over(&h, NOW + HUSH_MS), 1000 - HUSH_LINES);
	assert_int_equal(hush_over(&h, NOW + HUSH_MS), 0);
	assert_int_equal(hush_due_ms(&h), -1);
	assert_true(hush_pass(&h, NOW + HUSH_MS));
	/* Nothing was kept: nothing is said of it. */
	assert_int_equal(hush_over(&h, NOW + 3 * HUSH_MS), 0);
}

/* A clock that is set back does not silence it. */
static void
set_back(void **state)
{
	struct hush h = { 0 };

	(void)state;
	while (hush_pass(&h, NOW))
		;
	assert_int_equal(hush_over(&h, NOW - 1), 1);
	assert_true(hush_pass(&h, NOW - 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans),
		cmocka_unit_test(set_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
