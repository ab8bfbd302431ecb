/* How much is kept of which channel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retention.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))
#define DAY_MS INT64_C(86400000)

static void
of_families(void **state)
{
	static const struct {
		const char *channel;
		size_t family, count;
		int64_t age_ms;
		size_t bytes;
	} cases[] = {
		{ "news", 0, 1000, 5000, 0 },
		{ "client:", 1, 100, 7 * DAY_MS, 0 },
		{ "client:7", 1, 100, 7 * DAY_MS, 0 },
		{ "client:7=x", 1, 100, 7 * DAY_MS, 0 },
		{ "xclient:7", 0, 1000, 5000, 0 },
		{ "group:a", 2, 5, 5000, 0 },
		{ "group:b", 3, 6, 2000, 4096 },
		{ "a=b", 4, 0, 5000, 0 },
		{ "t/x/y", 5, 7, 5000, 0 },
	};
	static const char *const texts[] = { "client:*=100,7d", "group:a=5",
		"group:?*=6,2s,4k", "a=b=0", "t/*=7" };
	struct retentions r = { .base = { 1000, 1, 0 } };

	(void)state;
	for (size_t i = 0; i < nitems(texts); i++)
		assert_null(retentions_add(&r, texts[i]));
	/* What is said of the others later holds for families as well. */
	r.base.age_ms = 5000;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct sse_text name = text_of(cases[i].channel);
		struct retention keep = retention_of(&r, name);

		assert_int_equal(retention_family(&r, name), cases[i].family);
		assert_int_equal(keep.count, cases[i].count);
		assert_int_equal(keep.age_ms, cases[i].age_ms);
		assert_int_equal(keep.bytes, cases[i].bytes);
	}
}

static void
none_at_all(void **state)
{
	static const char *const texts[] = { "", "x", "=1", "x=", "x=a", "x=-1",
		"x= 1", "x=+1", "x=10000001", "x=1,", "x=1,0", "x=1,x",
		"x=1,1s,", "x=1,1s,10", "x=1,1s,1k,", "x=1,1s,1k,1",
		"x=1,,1k" };
	struct retentions r = { .base = { 1, 0, 0 } };
	char name[CHANNEL_MAX + 8];

	(void)state;
	for (size_t i = 0; i < nitems(texts); i++)
		assert_non_null(retentions_add(&r, texts[i]));
	memset(name, 'x', sizeof(name));
	memcpy(name + CHANNEL_MAX + 1, "=1", 3);
	assert_non_null(retentions_add(&r, name));
	memcpy(name + CHANNEL_MAX, "=1", 3);
	assert_null(retentions_add(&r, name));
	assert_int_equal(r.n, 1);
	while (r.n < RETENTION_FAMILIES_MAX)
		assert_null(retentions_add(&r, "x=1"));
	assert_non_null(retentions_add(&r, "x=1"));
	assert_int_equal(retention_family(&r, text_of("y")), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_families),
		cmocka_unit_test(none_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
