/* When what is in a capture had come. */
#include "data.h"

#include "../../../cmd/sse-serve/source_capture.h"

static void
times(void **state)
{
	static const struct {
		const char *in;
		int64_t ms;
	} cases[] = {
		{ "+1.234s", 1234 },
		{ " +1.234s", 1234 },
		{ "+0s", 0 },
		{ "+0.5s", 500 },
		{ "+12.0019s", 12001 },
		{ "+100000s", 100000000 },
		{ "", -1 },
		{ "+", -1 },
		{ "+s", -1 },
		{ "+.5s", -1 },
		{ "1s", -1 },
		{ "+1", -1 },
		{ "+1s ", -1 },
		{ "+1ms", -1 },
		{ "-1s", -1 },
		{ "+1.5.5s", -1 },
		{ "+99999999999999999999999999s", -1 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		assert_int_equal(
		    capture_time_ms(text_of(cases[i].in)), cases[i].ms);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
