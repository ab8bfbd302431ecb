/* When entries that others left are asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../cmd/sse-relay/claim.h"

static void
test_turns(void **state)
{
	struct claim c = { .asked = false };
	struct place half = { 5, 1 };

	(void)state;
	assert_true(claim_due(&c, 1000));
	c.asked = true;
	/* There is more: at once, from there on. */
	claim_turn(&c, half, 1000);
	assert_false(c.asked);
	assert_int_equal(place_cmp(c.from, half), 0);
	assert_true(claim_due(&c, 1000));
	/* That was all: later, from the beginning. */
	claim_turn(&c, PLACE_ZERO, 1000);
	assert_true(place_is_zero(c.from));
	assert_false(claim_due(&c, 1000 + CLAIM_EVERY_MS - 1));
	assert_true(claim_due(&c, 1000 + CLAIM_EVERY_MS));
	/* A connection that is lost half-way begins anew. */
	claim_turn(&c, half, 2000);
	c.asked = true;
	claim_forget(&c);
	assert_false(c.asked);
	assert_true(place_is_zero(c.from));
	/* Never again where Redis knows none. */
	c.off = true;
	assert_false(claim_due(&c, INT64_MAX));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_turns) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
