/* Which events are wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-tail/select.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static void
tables(void **state)
{
	static const struct {
		const char *types[2], *greps[2];
		struct sse_text type, data;
		bool want;
	} cases[] = {
		{ { NULL }, { NULL }, TEXT_INIT(""), TEXT_INIT("a"), true },
		{ { NULL }, { NULL }, TEXT_INIT("x"), TEXT_INIT(""), true },
		{ { NULL }, { NULL }, TEXT_INIT("sse:gap"), TEXT_INIT(""),
		    false },
		{ { "sse:gap" }, { NULL }, TEXT_INIT("sse:gap"), TEXT_INIT(""),
		    true },
		{ { "message" }, { NULL }, TEXT_INIT(""), TEXT_INIT(""), true },
		{ { "a", "b" }, { NULL }, TEXT_INIT("b"), TEXT_INIT(""), true },
		{ { "a", "b" }, { NULL }, TEXT_INIT("ab"), TEXT_INIT(""),
		    false },
		{ { "a" }, { NULL }, TEXT_INIT("a\0"), TEXT_INIT(""), false },
		{ { NULL }, { "^b$" }, TEXT_INIT(""), TEXT_INIT("a\nb\nc"),
		    true },
		{ { NULL }, { "a.b" }, TEXT_INIT(""), TEXT_INIT("a\nb"),
		    false },
		{ { NULL }, { "b$" }, TEXT_INIT(""), TEXT_INIT("a\0b"), true },
		{ { NULL }, { "^$" }, TEXT_INIT(""), TEXT_INIT(""), true },
		{ { NULL }, { "a+|x", "y" }, TEXT_INIT(""), TEXT_INIT("y"),
		    true },
		{ { "t" }, { "y" }, TEXT_INIT("u"), TEXT_INIT("y"), false },
	};
	struct sse_buf scratch = { 0 };
	char fault[64];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct event ev = EVENT_NONE;
		struct select s = { 0 };

		for (int n = 0; n < 2; n++) {
			if (cases[i].types[n] != NULL)
				select_add_type(&s, cases[i].types[n]);
			if (cases[i].greps[n] != NULL)
				assert_int_equal(
				    select_add_grep(&s, cases[i].greps[n],
					fault, sizeof(fault)),
				    0);
		}
		ev.type = cases[i].type;
		ev.data = cases[i].data;
		if (select_takes(&s, &ev, &scratch) != cases[i].want)
			fail_msg("case %zu", i);
		select_free(&s);
	}
	sse_buf_free(&scratch);
}

static void
faults(void **state)
{
	struct select s = { 0 };
	char fault[64] = "";

	(void)state;
	assert_int_equal(select_add_grep(&s, "(a", fault, sizeof(fault)), -1);
	assert_true(fault[0] != '\0');
	assert_int_equal(s.ngreps, 0);
	select_free(&s);
}

static void
ends(void **state)
{
	struct event ev = EVENT_NONE;
	struct select s = { 0 };

	(void)state;
	ev.data = TEXT("[DONE]");
	assert_false(select_ends(&s, &ev));
	s.until = "[DONE]";
	assert_true(select_ends(&s, &ev));
	ev.data = TEXT("[DONE]\n");
	assert_false(select_ends(&s, &ev));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(faults),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
