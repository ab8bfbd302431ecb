/* Answers 422: what they say, and of how many events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/tool/event.h"
#include "../../lib/tool/posted.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *what, *body;
	size_t n;
	const char *words, *ids; /* NULL: it is none */
	size_t left_out;
} cases[] = {
	{ "one of three", "why\n1-0\n\n1-1\n", 3, "why\n", "1-0\n\n1-1\n", 1 },
	{ "the only one", "why\n\n", 1, "why\n", "\n", 1 },
	{ "all, of two channels", "one\ntwo\n\n\n", 2, "one\ntwo\n", "\n\n",
	    2 },
	{ "the first", "why\n\nown id\n", 2, "why\n", "\nown id\n", 1 },
	{ "none is left out", "why\n1-0\n", 1, NULL, NULL, 0 },
	{ "no words", "\n1-0\n", 2, NULL, NULL, 0 },
	{ "a blank line for words", "\n\n1-0\n", 2, NULL, NULL, 0 },
	{ "words alone", "why\n", 1, NULL, NULL, 0 },
	{ "too few lines", "why\n\n", 3, NULL, NULL, 0 },
	{ "cut off", "why\n\n1-", 2, NULL, NULL, 0 },
	{ "nothing", "", 1, NULL, NULL, 0 },
};

static void
holds(const char *what, struct sse_text t, const char *want)
{
	if (!text_is(t, want))
		fail_msg("%s: \"%.*s\"", what, (int)t.len, t.ptr);
}

static void
answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		size_t len = strlen(cases[i].body);
		char *body = malloc(len + 1); /* a sanitizer sees its bounds */
		struct posted p;
		bool is;

		memcpy(body, cases[i].body, len);
		is = posted_read(
		    (struct sse_text){ body, len }, cases[i].n, &p);
		if (is != (cases[i].words != NULL))
			fail_msg("%s: %d", cases[i].what, is);
		if (is && cases[i].words != NULL) {
			holds(cases[i].what, p.words, cases[i].words);
			holds(cases[i].what, p.ids, cases[i].ids);
			assert_int_equal(p.left_out, cases[i].left_out);
		}
		free(body);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
