#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../../cmd/sse-pub/http_url.h"
#include "event.h"

static const struct {
	const char *base, *channel, *want;
} targets[] = {
	{ "http://h", "news", "http://h/events/news" },
	{ "http://h/", "news", "http://h/events/news" },
	{ "http://h//", "news", "http://h/events/news" },
	{ "https://h:8443/sse", "news", "https://h:8443/sse/events/news" },
	{ "http://h/events", "news", "http://h/events/news" },
	{ "http://h/events/", "news", "http://h/events/news" },
	{ "unix:/run/sse", "news", "http://localhost/events/news" },
	{ "http://h", "client:7", "http://h/events/client%3A7" },
	{ "http://h", "a/b%c;~d", "http://h/events/a%2Fb%25c%3B~d" },
	{ "http://h", "\xc3\xa4", "http://h/events/%C3%A4" },
};

static void
a_channel_has_its_target(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		char *got = http_target(
		    targets[i].base, text_of(targets[i].channel));

		assert_string_equal(got, targets[i].want);
		free(got);
	}
}

static const struct {
	const char *base;
	bool good;
} bases[] = {
	{ "http://h", true },
	{ "http://h/", true },
	{ "http://h/events", true },
	{ "http://h/events/", false },
	{ "https://[::1]:8080/x", true },
	{ "http://user:secret@h", true },
	{ "unix:/run/sse", true },
	{ "unix:sse", true },
	{ "unix:", false },
	{ "", false },
	{ "h", false },
	{ "h:8080", false },
	{ "http:", false },
	{ "http://", false },
	{ "http:///x", false },
	{ "ftp://h", false },
	{ "file:///etc/passwd", false },
	{ "redis://h", false },
	{ "http://h?a", false },
	{ "http://h/#a", false },
	{ "http://h/ x", false },
	{ "http://h\r\nX: y", false },
	{ "http://h/events/news", false },
};

static void
only_a_server_is_a_base(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		const char *fault = http_base_fault(bases[i].base);

		if ((fault == NULL) != bases[i].good)
			fail_msg("%s: %s", bases[i].base,
			    fault != NULL ? fault : "found good");
	}
}

static const struct {
	const char *base, *want;
} shown[] = {
	{ "http://h:1/x", "http://h:1/x" },
	{ "http://user:secret@h:1/x", "http://h:1/x" },
	{ "http://user:se@cret@h", "http://h" },
	{ "http://h/a@b", "http://h/a@b" },
	{ "unix:/a@b", "unix:/a@b" },
};

static void
secrets_are_not_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		char *got = http_shown(shown[i].base);

		assert_string_equal(got, shown[i].want);
		free(got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_channel_has_its_target),
		cmocka_unit_test(only_a_server_is_a_base),
		cmocka_unit_test(secrets_are_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
