#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
	{ "one as long as may be", "12345678\n", "event: t\ndata: 12345678\n\n",
	    1 },
	{ "two as long as may be", "12345678\nabcdefgh\n\n",
	    "event: t\ndata: 12345678\n\nevent: t\ndata: abcdefgh\n\n"
	    "event: t\ndata:\n\n",
	    3 },
	{ "one of twice the length", "1234567812345678\n",
	    "event: t\ndata: 12345678\n\nevent: t\ndata: 12345678\n\n", 2 },
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
			struct lines l = { .type = "t", .max = 8 };
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

/* What is lost takes along the lines that it cuts, and no others. */
static void
the_lost_are_counted(void **state)
{
	static const struct {
		const char *before, *lost, *behind, *want;
		unsigned long long n;
	} rows[] = {
		{ "a\n", "b\nc\n", "d\n", "a;d;", 2 },
		{ "a\nb", "b\nc", "c\nd\n", "a;d;", 2 },
		{ "a\nb", "b", "b\nd\n", "a;d;", 1 },
		{ "a\n", "b", "b", "a;", 1 },
		{ "", "b", "", "", 1 },
		{ "a", "\n", "b\n", "b;", 1 },
		{ "a", "\n\n", "b", "b;", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lines l = { .type = "t", .max = 8 };
		struct sse_buf b = { NULL, 0, 0 };
		char got[64] = "", *to = got;

		lines_take(&l, &b, rows[i].before, strlen(rows[i].before));
		lines_lose(&l, rows[i].lost, strlen(rows[i].lost));
		lines_take(&l, &b, rows[i].behind, strlen(rows[i].behind));
		lines_end(&l, &b);
		sse_buf_append(&b, "", 1);
		for (const char *p = b.ptr;
		     (p = strstr(p, "data: ")) != NULL;) {
			p += strlen("data: ");
			to += sprintf(to, "%.*s;", (int)strcspn(p, "\n"), p);
		}
		assert_string_equal(got, rows[i].want);
		assert_int_equal(l.lost, rows[i].n);
		lines_free(&l);
		sse_buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_gives_the_same),
		cmocka_unit_test(the_lost_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
