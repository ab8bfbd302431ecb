/* What stands for a key, until its time or the room is up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/ledger.h"
#include "event.h"

static void
want(struct ledger *l, const char *key, int64_t now_ms, const char *value)
{
	struct sse_text got = ledger_find(l, text_of(key), now_ms);

	if (value == NULL)
		assert_null(got.ptr);
	else
		assert_true(text_is(got, value));
}

static void
a_key_is_known_until_its_time_is_up(void **state)
{
	struct ledger l;

	(void)state;
	ledger_init(&l, 1000000, 100);
	want(&l, "a", 0, NULL);
	assert_int_equal(ledger_keep(&l, TEXT("a"), TEXT("one"), 0), 0);
	assert_int_equal(ledger_keep(&l, TEXT("b"), TEXT(""), 50), 0);
	want(&l, "a", 99, "one");
	want(&l, "a", 100, NULL);
	want(&l, "b", 149, "");
	assert_int_equal(ledger_keep(&l, TEXT("b"), TEXT("two"), 149), 0);
	want(&l, "b", 248, "two");
	want(&l, "b", 249, NULL);
	assert_int_equal(l.bytes, 0);
	ledger_clear(&l);
}

static void
where_it_is_full_the_oldest_goes(void **state)
{
	struct ledger l;
	char key[16];

	(void)state;
	ledger_init(&l, 4096, 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(
		    ledger_keep(&l, text_of(key), text_of(key), i), 0);
		assert_true(l.bytes <= 4096);
		want(&l, key, i, key);
	}
	want(&l, "0", 999, NULL);
	want(&l, "990", 999, "990");
	ledger_clear(&l);
	assert_int_equal(l.bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_known_until_its_time_is_up),
		cmocka_unit_test(where_it_is_full_the_oldest_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
