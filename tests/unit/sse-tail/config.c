/* A file of options in curl's syntax. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-tail/config.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static void
words(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ "\n \t\r\n# silent\n  # x\n", "" },
		{ "silent", "[--silent]" },
		{ "-s\r\n", "[-s]" },
		{ "-n 5\n", "[-n][5]" },
		{ "url = http://h/x?y=1#z", "[--url=http://h/x?y=1#z]" },
		{ "url: \"h\"", "[--url=h]" },
		{ "url=h", "[--url=h]" },
		{ "--url h # said", "[--url=h]" },
		/* Behind dashes the name ends at white space alone. */
		{ "--url=h", "[--url=h]" },
		{ "-H\t\"a: b\"", "[-H][a: b]" },
		{ "data = \"\"", "[--data=]" },
		{ "x = \"a\\\"b\\\\n\\n\\t\\r\\v\\q\"",
		    "[--x=a\"b\\n\n\t\r\vq]" },
		{ "header = \"a:b\"# more\nheader = c:d",
		    "[--header=a:b][--header=c:d]" },
		{ "compressed # yes", "[--compressed]" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		char got[256] = "", *to = got;
		const char *fault = NULL;
		struct config c;
		size_t line;

		if (config_read(&c, "me", cases[i].text, strlen(cases[i].text),
			&fault, &line) == -1)
			fail_msg("%s: %s", cases[i].text, fault);
		assert_string_equal(c.words[0], "me");
		assert_null(c.words[c.n]);
		for (int w = 1; w < c.n; w++)
			to += sprintf(to, "[%s]", c.words[w]);
		assert_string_equal(got, cases[i].want);
		config_free(&c);
	}
}

static void
faults(void **state)
{
	static const struct {
		const char *text, *fault;
		size_t line;
	} cases[] = {
		{ "\nx = \"a", "a quote is not closed", 2 },
		{ "x = \"a\\\"", "a quote is not closed", 1 },
		{ "x = \"a\\", "a quote is not closed", 1 },
		{ "a\nb\n = c", "it begins with no option", 3 },
		{ "x = a b", "there is more behind", 1 },
		{ "x = \"a\"b", "there is more behind", 1 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const char *fault = NULL;
		struct config c;
		size_t line = 0;

		assert_int_equal(config_read(&c, "me", cases[i].text,
				     strlen(cases[i].text), &fault, &line),
		    -1);
		assert_int_equal(line, cases[i].line);
		assert_non_null(strstr(fault, cases[i].fault));
		assert_null(c.words);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
