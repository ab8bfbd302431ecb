/* Counting connections by key: how many, how fast, and that it forgets. */
#include <pthread.h>

#include "data.h"

#include "../../../cmd/sse-serve/census.h"
#include "event.h"

#define SECOND INT64_C(1000000)

static struct sse_text
key(unsigned int i)
{
	static char buf[16];

	snprintf(buf, sizeof(buf), "k%u", i);
	return text_of(buf);
}

static void
many(void **state)
{
	struct census *c = census_new(2, 0);

	(void)state;
	assert_int_equal(census_enter(c, key(1), 0), CENSUS_WELCOME);
	assert_int_equal(census_enter(c, key(1), 0), CENSUS_WELCOME);
	assert_int_equal(census_enter(c, key(1), 0), CENSUS_MANY);
	/* Others are not bothered, and who does not stay is not counted. */
	assert_int_equal(census_enter(c, key(2), 0), CENSUS_WELCOME);
	assert_int_equal(census_pass(c, key(1), 0), CENSUS_WELCOME);
	census_leave(c, key(1), 0);
	assert_int_equal(census_enter(c, key(1), 0), CENSUS_WELCOME);
	assert_int_equal(census_enter(c, key(1), 0), CENSUS_MANY);
	census_leave(c, key(3), 0); /* never came */
	assert_int_equal(census_enter(c, key(3), 0), CENSUS_WELCOME);
	census_free(c);
}

static void
unbounded(void **state)
{
	struct census *c = census_new(0, 0);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(census_enter(c, key(1), 0), CENSUS_WELCOME);
	assert_int_equal(census_keys(c), 0);
	census_leave(c, key(1), 0);
	census_free(c);
}

/* In any second no more than twice the rate, in the long run the rate. */
static void
fast(void **state)
{
	static const unsigned int rates[] = { 1, 3, 10, 1000 };

	(void)state;
	for (size_t r = 0; r < nitems(rates); r++) {
		struct census *c = census_new(0, rates[r]);
		unsigned int n = 0;

		while (census_pass(c, key(1), 7 * SECOND) == CENSUS_WELCOME)
			n++;
		assert_int_equal(n, rates[r]);
		/* Half a second later half of them, after long no more. */
		for (n = 0; census_enter(c, key(1), 15 * SECOND / 2) ==
		     CENSUS_WELCOME;)
			n++;
		assert_int_equal(n, rates[r] / 2);
		for (n = 0;
		     census_pass(c, key(1), 100 * SECOND) == CENSUS_WELCOME;)
			n++;
		assert_int_equal(n, rates[r]);
		assert_int_equal(
		    census_pass(c, key(2), 100 * SECOND), CENSUS_WELCOME);
		census_free(c);
	}
}

/* Whatever comes and goes, the counts are those of a plain table. */
static void
chances(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 50; s++) {
		struct census *c = census_new(3, 0);
		size_t n[20] = { 0 }, held = 0;
		int64_t now = 0;

		chance_begin(s);
		for (int step = 0; step < 2000; step++) {
			unsigned int i = chance_below(nitems(n));

			now += chance_below(100000);
			if (chance_below(2) == 0) {
				hold_true(census_enter(c, key(i), now) ==
				    (n[i] < 3 ? CENSUS_WELCOME : CENSUS_MANY));
				n[i] += n[i] < 3;
			} else if (n[i] > 0) {
				census_leave(c, key(i), now);
				n[i]--;
			}
		}
		for (size_t i = 0; i < nitems(n); i++)
			held += n[i] > 0;
		/* Two seconds later only they are remembered, and a passer. */
		(void)census_enter(c, text_of("late"), now + 2 * SECOND);
		hold_true(census_keys(c) == held + 1);
		census_free(c);
	}
}

static void *
come_and_go(void *arg)
{
	struct census *c = arg;

	for (int i = 0; i < 20000; i++)
		if (census_enter(c, TEXT("one"), i) == CENSUS_WELCOME)
			census_leave(c, TEXT("one"), i);
	return NULL;
}

static void
threads(void **state)
{
	struct census *c = census_new(3, 0);
	pthread_t t[4];

	(void)state;
	for (size_t i = 0; i < nitems(t); i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, come_and_go, c), 0);
	for (size_t i = 0; i < nitems(t); i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    census_enter(c, TEXT("one"), 20000), CENSUS_WELCOME);
	assert_int_equal(census_enter(c, TEXT("one"), 20000), CENSUS_MANY);
	census_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many),
		cmocka_unit_test(unbounded),
		cmocka_unit_test(fast),
		cmocka_unit_test(chances),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
