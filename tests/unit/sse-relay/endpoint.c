#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-relay/endpoint.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text;
	enum endpoint_kind kind;
	const char *shown;
	const char *identity;
	bool local;
} good[] = {
	{ "-", ENDPOINT_STANDARD, "-", "-", true },
	{ "http://u:secret@h.example/e?t=1#f", ENDPOINT_HTTP,
	    "http://h.example/e?t=1#f", "http://h.example/e?t=1#f", false },
	{ "HTTPS://h.example:8443/", ENDPOINT_HTTP, "https://h.example:8443/",
	    "https://h.example:8443/", false },
	{ "http://[::1]:80/", ENDPOINT_HTTP, "http://[::1]:80/",
	    "http://[::1]:80/", true },
	{ "http://LocalHost/", ENDPOINT_HTTP, "http://LocalHost/",
	    "http://LocalHost/", true },
	{ "redis:a,b", ENDPOINT_REDIS, "redis://base.example:6380/2",
	    "redis base.example:6380/2?a,b", false },
	{ "redis://:secret@h.example?channel=a", ENDPOINT_REDIS, NULL,
	    "redis h.example:6379/0?a", false },
	{ "redis+unix:///run/redis.sock?db=3&channel=a", ENDPOINT_REDIS, NULL,
	    "redis /run/redis.sock:/3?a", true },
	{ "redis://127.0.0.1?channel=a", ENDPOINT_REDIS, NULL,
	    "redis 127.0.0.1:6379/0?a", true },
	{ "stream:jobs", ENDPOINT_STREAM, NULL,
	    "redis base.example:6380/2?stream=jobs", false },
	{ "redis://127.0.0.1?stream=jobs&group=g", ENDPOINT_STREAM, NULL,
	    "redis 127.0.0.1:6379/0?stream=jobs&group=g", true },
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(good); i++) {
		const char *fault = NULL;
		struct endpoint e;

		if (endpoint_parse(&e, good[i].text,
			"redis://base.example:6380/2", "env", &fault) == -1)
			fail_msg("%s: %s", good[i].text, fault);
		assert_int_equal(e.kind, good[i].kind);
		assert_string_equal(e.identity, good[i].identity);
		assert_int_equal(e.local, good[i].local);
		if (good[i].shown != NULL)
			assert_string_equal(e.shown, good[i].shown);
		assert_null(strstr(e.shown, "secret"));
		endpoint_free(&e);
	}
}

static void
test_bad(void **state)
{
	static const char *const bad[] = { "", "news", "file:///x", "ftp://h/",
		"http://", "http://h:99999/", "stream:", "redis://h:0/?x", "--",
		"localhost:8080", "redis:" };

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		const char *fault = NULL;
		struct endpoint e;

		if (endpoint_parse(&e, bad[i], NULL, NULL, &fault) != -1)
			fail_msg("%s is let pass", bad[i]);
		assert_non_null(fault);
		endpoint_free(&e);
	}
}

/* How a pair runs: the channels that are read ">" where all go; "!" fault. */
static const struct {
	const char *source, *sink, *want;
} pairs[] = {
	{ "http://h/", "redis:copy", ">copy" },
	{ "http://h/", "redis://127.0.0.1", ">" },
	{ "http://h/", "redis:a,b", "!" },
	{ "http://h/", "-", ">" },
	{ "http://h/", "http://i/", ">" },
	{ "http://h/", "http://i/events/a", ">a" },
	{ "http://h/", "http://i/events/a,b", "!" },
	{ "http://h/events/a,b", "http://i/", "a,b>" },
	{ "http://h/events?channel=a&x=1&channel=b", "-", "a,b>" },
	{ "http://h", "redis:a,b", "a,b>" },
	{ "http://h", "redis:a", "a>a" },
	{ "http://h", "-", ">" },
	{ "redis:a", "http://h/events/b", "a>b" },
	{ "redis://h", "http://h/events/b", "b>b" },
	{ "stream:a", "redis:a", ">a" },
	{ "stream:a", "stream:a", "!" },
	{ "stream:a", "stream:b", ">" },
	{ "redis:a", "stream:a", "a>" },
	{ "-", "redis://h?stream=a&group=b", "!" },
	{ "-", "redis:copy", ">copy" },
	{ "-", "redis://127.0.0.1", ">" },
	{ "-", "redis:a,b", "!" },
	{ "-", "-", "!" },
	{ "redis:a,b", "-", "a,b>" },
	{ "redis://127.0.0.1", "-", "!" },
	{ "redis:a,b", "redis://h?channel=c", "a,b>c" },
	{ "redis:a,b", "redis://h", "a,b>" },
	{ "redis:a,b", "redis://h?channel=a,b", "!" },
	{ "redis://127.0.0.1", "redis://h?channel=a,b", "a,b>" },
	{ "redis://127.0.0.1", "redis://h?channel=a", "a>a" },
	{ "redis://127.0.0.1", "redis://h", "!" },
	{ "redis:a", "redis:a", "!" },
	{ "redis:a", "redis://127.0.0.1:6379?channel=a", "!" },
	{ "redis:a", "redis://127.0.0.1:6379/1?channel=a", "a>a" },
	{ "redis:a", "redis://127.0.0.1:6380?channel=a", "a>a" },
	{ "redis:a,b", "redis:b", "!" },
	{ "redis:a", "redis://127.0.0.1", "!" },
	{ "redis:a", "redis:b", "a>b" },
	{ "redis+unix:///s?channel=a", "redis+unix:///s?channel=a", "!" },
	{ "redis+unix:///s?channel=a", "redis+unix:///t?channel=a", "a>a" },
};

static void
test_pairs(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(pairs); i++) {
		struct endpoint source, sink;
		struct endpoint_pair p;
		const char *fault = NULL;
		char got[256] = "!";

		assert_int_equal(endpoint_parse(&source, pairs[i].source, NULL,
				     NULL, &fault),
		    0);
		assert_int_equal(
		    endpoint_parse(&sink, pairs[i].sink, NULL, NULL, &fault),
		    0);
		if (endpoint_join(&p, &source, &sink, NULL, 0, &fault) == 0) {
			*got = '\0';
			for (size_t n = 0; n < p.nchannels; n++) {
				strcat(got, n > 0 ? "," : "");
				strcat(got, p.channels[n]);
			}
			strcat(got, ">");
			strcat(got, p.channel != NULL ? p.channel : "");
			assert_null(fault);
		} else
			assert_non_null(fault);
		if (strcmp(got, pairs[i].want) != 0)
			fail_msg(
			    "%s %s: %s", pairs[i].source, pairs[i].sink, got);
		endpoint_free(&source);
		endpoint_free(&sink);
	}
}

/* Where is asked, and what a sink's channel is put behind. */
static void
test_urls(void **state)
{
	static const struct {
		const char *source, *sink, *asked, *base;
	} urls[] = {
		{ "http://h", "http://i", "http://h", "http://i/" },
		{ "http://h:8080", "http://i/events/a b", NULL, NULL },
		{ "http://h:8080", "http://i/events/a%20b", NULL, NULL },
		{ "http://h:8080", "http://i/events/a%3Ab",
		    "http://h:8080/events/a%3ab", "http://i/" },
		{ "http://h/x", "http://i/p/events/a", "http://h/x",
		    "http://i/p" },
		{ "http://h/events", "http://i/p/events", "http://h/events",
		    "http://i/p" },
		{ "http://h/", "http://i/p/events/a/b", "http://h/",
		    "http://i/p/events/a/b" },
		{ "http://h?x=1", "http://i/events/a?token=t", "http://h?x=1",
		    "http://i/?token=t" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(urls); i++) {
		struct endpoint source, sink;
		struct endpoint_pair p;
		const char *fault = NULL;

		assert_int_equal(
		    endpoint_parse(&source, urls[i].source, NULL, NULL, &fault),
		    0);
		if (endpoint_parse(&sink, urls[i].sink, NULL, NULL, &fault) ==
		    -1) {
			assert_null(urls[i].base);
		} else {
			assert_int_equal(
			    endpoint_join(&p, &source, &sink, NULL, 0, &fault),
			    0);
			assert_string_equal(source.url, urls[i].asked);
			assert_string_equal(sink.url, urls[i].base);
		}
		endpoint_free(&source);
		endpoint_free(&sink);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
