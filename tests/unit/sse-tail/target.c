/* Which URL is requested. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-tail/target.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static void
urls(void **state)
{
	static const struct {
		const char *url, *channels[3], *want;
	} cases[] = {
		{ "http://h/x?y=1", { NULL }, "http://h/x?y=1" },
		{ "h:8080", { NULL }, "http://h:8080/" },
		{ "https://u:p@h/", { NULL }, "https://u:p@h/" },
		{ "ftp.example.com/a", { NULL }, "http://ftp.example.com/a" },
		{ "http://[::1]:8080", { NULL }, "http://[::1]:8080/" },
		{ "http://h", { "news" }, "http://h/events/news" },
		{ "http://h/", { "a", "b" }, "http://h/events/a,b" },
		{ "http://h//", { "a" }, "http://h/events/a" },
		{ "http://h/events", { "a" }, "http://h/events/a" },
		{ "http://h/events/", { "a" }, "http://h/events/a" },
		{ "http://h/events/a", { "b", "c" }, "http://h/events/a,b,c" },
		{ "http://h/events/a?last=1", { "b" },
		    "http://h/events/a,b?last=1" },
		{ "http://h/my", { "a" }, "http://h/my/events/a" },
		{ "http://h/my/events", { "a" }, "http://h/my/events/a" },
		{ "http://h/events/my/x", { "a" },
		    "http://h/events/my/x/events/a" },
		{ "http://h/myevents", { "a" }, "http://h/myevents/events/a" },
		{ "h", { "a/b:c d%?#&\xc3\xa9" },
		    "http://h/events/a%2fb%3ac%20d%25%3f%23%26%c3%a9" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const char *fault = NULL;
		size_t n = 0;
		char *url;

		while (cases[i].channels[n] != NULL)
			n++;
		url = target_url(cases[i].url, cases[i].channels, n, 0, &fault);
		if (url == NULL || strcmp(url, cases[i].want) != 0)
			fail_msg(
			    "%s: %s", cases[i].url, url == NULL ? fault : url);
		free(url);
	}
}

static void
faults(void **state)
{
	static const char *const cases[] = { "", "http://", ":8080/x",
		"ftp://h/", "file:///etc/passwd", "gopher://h/",
		"http://h:99999/", "http://a b/", "http://h\n/" };
	const char *fault;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		char *url = target_url(cases[i], NULL, 0, 0, &fault);

		if (url != NULL)
			fail_msg("%s is taken for %s", cases[i], url);
		assert_non_null(fault);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
