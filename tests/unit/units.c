/* Moments as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "units.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static void
moments(void **state)
{
	static const struct {
		int64_t ms;
		const char *want;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 999, "1970-01-01T00:00:00.999Z" },
		{ 1000, "1970-01-01T00:00:01.000Z" },
		{ 1763630000007, "2025-11-20T09:13:20.007Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
		{ 253402300800000, "?" },
		{ INT64_MAX, "?" },
		{ -1, "?" },
		{ INT64_MIN, "?" },
	};
	char text[CLOCK_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		assert_string_equal(
		    clock_text(cases[i].ms, text), cases[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
