#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/fork.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/* Places by their milliseconds, in sequence 1; 0 ends a list. */
static const struct {
	const char *what;
	int had[8], dropped, floor, kept[8];
	int fresh, lost; /* events before which history parts; 0: it does not */
} cases[] = {
	{ "the same", { 1, 2, 3 }, 0, 0, { 1, 2, 3 }, 0, 0 },
	{ "it goes on", { 1, 2 }, 0, 0, { 1, 2, 3, 4 }, 3, 0 },
	{ "the last are lost", { 1, 2, 3, 4 }, 0, 0, { 1, 2 }, 0, 3 },
	{ "all are lost", { 1, 2 }, 0, 0, { 0 }, 0, 1 },
	{ "others came instead", { 1, 2, 5, 6 }, 0, 0, { 1, 2, 3, 4 }, 3, 5 },
	{ "others, and later ones", { 1, 5 }, 0, 0, { 1, 3, 7 }, 3, 5 },
	{ "Redis has trimmed", { 1, 2, 3, 4 }, 0, 2, { 3, 4 }, 0, 0 },
	{ "Redis has trimmed, and lost", { 1, 2, 3 }, 0, 1, { 2 }, 0, 3 },
	{ "all have been trimmed", { 1, 2 }, 0, 2, { 0 }, 0, 0 },
	{ "what was dropped here is known", { 4 }, 3, 0, { 1, 2, 3, 4 }, 0, 0 },
	{ "nothing was here", { 0 }, 2, 0, { 1, 2, 3 }, 3, 0 },
};

static struct place
at(int ms)
{
	return (struct place){ (uint64_t)ms, 1 };
}

static void
fill(struct replay *log, const int *places)
{
	struct sse_buf scratch = { 0 };
	struct event ev = EVENT_NONE;

	ev.channel = text_of("c");
	for (; *places != 0; places++)
		assert_int_equal(
		    replay_append(log,
			message_new(&scratch, &ev, at(*places), PLACE_ZERO)),
		    0);
	sse_buf_free(&scratch);
}

/* The place behind which p stands, as fork.h says it. */
static void
assert_parts(struct place got, int before, const char *what)
{
	struct place want = before == 0 ? at(99)
					: (struct place){ (uint64_t)before, 0 };

	if (place_cmp(got, want) != 0)
		fail_msg("%s: %d-%d", what, (int)got.ms, (int)got.seq);
}

static void
test_compare(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct place kept[8];
		struct replay log;
		struct fork f;
		size_t n = 0;

		replay_init(&log);
		fill(&log, cases[i].had);
		if (cases[i].dropped > 0)
			replay_drop_to(&log, at(cases[i].dropped));
		for (; cases[i].kept[n] != 0; n++)
			kept[n] = at(cases[i].kept[n]);
		fork_init(&f, at(99));
		fork_compare(&f, &log,
		    cases[i].floor > 0 ? at(cases[i].floor) : PLACE_ZERO, kept,
		    n);
		assert_parts(f.fresh, cases[i].fresh, cases[i].what);
		assert_parts(f.lost, cases[i].lost, cases[i].what);
		replay_clear(&log);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
