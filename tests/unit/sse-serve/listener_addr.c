/* What -l and -a name, taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/listener_addr.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static void
values(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} cases[] = {
		{ "8080", "port 8080" },
		{ "0", "port 0" },
		{ "65535", "port 65535" },
		{ "080", "port 80" },
		{ "65536", NULL },
		{ "-1", NULL },
		{ "+1", NULL },
		{ "1 ", NULL },
		{ "", NULL },
		{ "x", NULL },
		{ "8080x", NULL },
		{ "99999999999999999999", NULL },
		{ "localhost:80", "host localhost 80" },
		{ "127.0.0.1:0", "host 127.0.0.1 0" },
		{ "*:80", "host * 80" },
		{ "[::1]:80", "host ::1 80" },
		{ "[::]:80", "host :: 80" },
		{ "::1:80", NULL },
		{ "[::1]", NULL },
		{ "[]:80", NULL },
		{ "[::1:80", NULL },
		{ ":80", NULL },
		{ "a:", NULL },
		{ "a:b", NULL },
		{ "a:65536", NULL },
		{ "http://a:80", NULL },
		{ "unix:/tmp/x", "unix /tmp/x" },
		{ "unix:x:1", "unix x:1" },
		{ "unix:", NULL },
		{ "Unix:x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct listener_addr a;
		const char *fault = NULL;
		char got[300] = "";
		int status = listener_addr_parse(&a, cases[i].text, &fault);

		if (status == 0 && a.kind == LISTENER_PORT)
			snprintf(got, sizeof(got), "port %s", a.port);
		else if (status == 0 && a.kind == LISTENER_HOST)
			snprintf(
			    got, sizeof(got), "host %s %s", a.host, a.port);
		else if (status == 0)
			snprintf(got, sizeof(got), "unix %s", a.path);
		if ((status == -1) != (cases[i].want == NULL) ||
		    (status == 0 && strcmp(got, cases[i].want) != 0))
			fail_msg("%s: %d %s", cases[i].text, status, got);
		assert_true((status == -1) == (fault != NULL));
	}
}

static void
values_too_long(void **state)
{
	char path[5 + 108 + 1], host[256 + 3 + 1];
	struct listener_addr a;
	const char *fault;

	(void)state;
	snprintf(path, sizeof(path), "unix:%0107d", 0);
	assert_int_equal(listener_addr_parse(&a, path, &fault), 0);
	snprintf(path, sizeof(path), "unix:%0108d", 0);
	assert_int_equal(listener_addr_parse(&a, path, &fault), -1);
	snprintf(host, sizeof(host), "%0255d:80", 0);
	assert_int_equal(listener_addr_parse(&a, host, &fault), 0);
	snprintf(host, sizeof(host), "%0256d:80", 0);
	assert_int_equal(listener_addr_parse(&a, host, &fault), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(values_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
