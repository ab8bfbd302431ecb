#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-pub/lines.h"

static const struct {
	const char *what, *in, *want;
	long n;
} cases[] = {
	{ "lines", "a\nbc\n", "event: t\ndata: a\n\nevent: t\ndata: bc\n\n",
	    2 },
	{ "a half one at the end", "a\nb",
	    "event: t\ndata: a\n\nevent: t\ndata: b\n\n", 2 },
	{ "an empty one", "\n", "event: t\ndata:\n\n", 1 },
	{ "a CR before the LF", "a\r\n", "event: t\ndata: a\n\n", 1 },
	{ "one as long as may be", "12345678\n",
	    "event: t\ndata: 12345678\n\n"
	    "event: t\ndata:\n\n",
	    2 },
	{ "a longer one", "1234567890\n",
	    "event: t\ndata: 12345678\n\nevent: t\ndata: 90\n\n", 2 },
	{ "what is no UTF-8", "a\xff\n", "event: t\ndata: a\xef\xbf\xbd\n\n",
	    1 },
	{ "nothing", "", "", 0 },
};

/* The answer may not depend on how the pipe cuts the bytes. */
static void
every_cut_gives_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].in);

		for (size_t cut = 1; cut <= len + 1; cut++) {
			struct lines l = { "t", 8, { NULL, 0, 0 } };
			struct sse_buf b = { NULL, 0, 0 };
			long n = 0;

			for (size_t at = 0; at < len; at += cut)
				n += lines_take(&l, &b, cases[i].in + at,
				    cut < len - at ? cut : len - at);
			n += lines_end(&l, &b);
			sse_buf_append(&b, "", 1);
			if (strcmp(b.ptr, cases[i].want) != 0 ||
			    n != cases[i].n)
				fail_msg("%s, cut at %zu: %ld, %s",
				    cases[i].what, cut, n, b.ptr);
			lines_free(&l);
			sse_buf_free(&b);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_gives_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
