/* What is said of a header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-tail/trace.h"
#include "visible.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static void
lines(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "GET /events?key=1 HTTP/1.1", "GET /events?key=1 HTTP/1.1" },
		{ "GET http://h/cookie:1 HTTP/1.1",
		    "GET http://h/cookie:1 HTTP/1.1" },
		{ "HTTP/1.1 401 No: token", "HTTP/1.1 401 No: token" },
		{ "Host: h:8080", "Host: h:8080" },
		{ "Keep-Alive: timeout=5", "Keep-Alive: timeout=5" },
		{ "WWW-Authenticate: Bearer", "WWW-Authenticate: Bearer" },
		{ "Authorization: Bearer x", "Authorization: ..." },
		{ "proxy-authorization:x", "proxy-authorization: ..." },
		{ "Cookie: a=b", "Cookie: ..." },
		{ "Set-Cookie: a=b", "Set-Cookie: ..." },
		{ "X-API-Key: x", "X-API-Key: ..." },
		{ "PRIVATE-TOKEN: x", "PRIVATE-TOKEN: ..." },
		{ "X-Auth: x", "X-Auth: ..." },
		{ "X-Session-Id: x", "X-Session-Id: ..." },
		{ " of a cookie", " ..." },
		{ "\tof a cookie", " ..." },
		{ "X: a\033[2J", "X: a\\u001b[2J" },
		{ "token", "token" },
		{ "", "" },
	};
	char buf[256];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		assert_string_equal(
		    trace_line(text_of(cases[i].line), buf, sizeof(buf)),
		    cases[i].want);
}

/* A name that is longer than the buffer is cut, and its value with it. */
static void
cut(void **state)
{
	char line[200], buf[32];

	(void)state;
	memset(line, 'k', sizeof(line));
	memcpy(line + sizeof(line) - 16, "token: the value", 16);
	(void)trace_line(
	    (struct sse_text){ line, sizeof(line) }, buf, sizeof(buf));
	assert_int_equal(strlen(buf), sizeof(buf) - 1);
	assert_null(strstr(buf, "value"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(cut),
	};

	visible_locale();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
