/*
 * Why a server refused, by the type and the body of its answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reason.h"
#include "visible.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *type, *body, *want;
} cases[] = {
	{ "text/plain", "no such channel\n", "no such channel" },
	{ "text/plain; charset=utf-8", "one\ntwo\n", "one" },
	{ "Text/Plain ;charset=x", "one\r\ntwo", "one" },
	{ "text/plain", "", "" },
	{ "text/plain", "\nlate", "" },
	{ "text/plain", "a\033[2J\tb", "a\\u001b[2J\\u0009b" },
	{ "text/plain", "100% %s", "100% %s" },
	{ "text/html", "<html>", "" },
	{ "text/plainer", "no", "" },
	{ "", "no", "" },
	{ NULL, "no", "" },
	{ "application/problem+json",
	    "{\"title\":\"short\",\"detail\":\"at length\"}", "at length" },
	{ "application/problem+json", "{\"title\":\"short\"}", "short" },
	{ "application/json", "{\"message\":\"m\\nn\"}", "m" },
	{ "application/json", "{\"error\":\"e\"}", "e" },
	{ "application/json; charset=utf-8",
	    "{\"error\":{\"message\":\"bad key \\u202e\",\"code\":1}}",
	    "bad key \\u202e" },
	{ "application/json", "{\"error\":{\"code\":1}}", "" },
	{ "application/json", "{\"detail\":1}", "" },
	{ "application/json", "{\"detail\":\"cut of", "" },
	{ "application/json", "[\"detail\"]", "" },
	{ "application/json", "", "" },
};

static void
said(void **state)
{
	char buf[REASON_LEN];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		assert_string_equal(
		    reason_of(cases[i].type, text_of(cases[i].body), buf),
		    cases[i].want);
}

/* Only where it is not the URL's own host. */
static void
elsewhere(void **state)
{
	static const struct {
		const char *said, *url, *want;
	} peers[] = {
		{ "Failed to connect to p port 9 after 0 ms: x", "http://h/",
		    "p port 9: " },
		{ "Failed to connect to h port 9 after 0 ms: x", "http://h/",
		    "h port 9: " },
		{ "Failed to connect to h port 80 after 0 ms: x",
		    "http://a:b@h/p port 9", "" },
		{ "Failed to connect to h port 80 after 0 ms: x", "h", "" },
		{ "Failed to connect to h port 443 after 5 ms: x", "https://h/",
		    "" },
		{ "Failed to connect to ::1 port 8 after 0 ms: x",
		    "http://[::1]:8/", "" },
		{ "Failed to connect to h port 9 af", "http://h/", "" },
		{ "Could not, after all", "http://h/", "" },
		{ "", "http://h/", "" },
	};
	char buf[REASON_LEN];

	(void)state;
	for (size_t i = 0; i < nitems(peers); i++)
		assert_string_equal(
		    reason_elsewhere(peers[i].said, peers[i].url, buf),
		    peers[i].want);
}

/* At most 200 bytes, and one can see that there was more. */
static void
cut(void **state)
{
	char body[300], buf[REASON_LEN];

	(void)state;
	memset(body, 'x', sizeof(body));
	body[sizeof(body) - 1] = '\0';
	(void)reason_of("text/plain", text_of(body), buf);
	assert_int_equal(strlen(buf), REASON_LEN - 1);
	assert_string_equal(buf + REASON_LEN - 5, "x...");
	body[REASON_LEN - 1] = '\0';
	assert_string_equal(reason_of("text/plain", text_of(body), buf), body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(said),
		cmocka_unit_test(elsewhere),
		cmocka_unit_test(cut),
	};

	visible_locale();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
