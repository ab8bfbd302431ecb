/* Lines of the access log: what came from outside cannot leave its place. */
#include "../../../cmd/sse-serve/access.h"

#include <jansson.h>
#include <locale.h>

#include "data.h"
#include "event.h"

#define HEAD_END "Host: x\r\n\r\n"

static struct sse_buf line;

static void
write_line(const struct access *a, enum access_format format)
{
	line.len = 0;
	assert_int_equal(access_append(&line, a, format), 0);
	assert_int_equal(sse_buf_append(&line, "", 1), 0);
	assert_ptr_equal(strchr(line.ptr, '\n'), line.ptr + line.len - 2);
}

static struct access
request_of(const char *head)
{
	struct access a = { .kind = ACCESS_REQUEST,
		.now_ms = INT64_C(1763640000123),
		.status = 200,
		.bytes = 17 };

	assert_true(addr_parse(TEXT("192.0.2.7"), &a.addr));
	caller_read(&a.caller, head, strlen(head));
	return a;
}

#define FRONT "192.0.2.7 - - [20/Nov/2025:12:00:00 +0000] "

static void
combined(void **state)
{
	static const struct {
		const char *head, *want;
	} cases[] = {
		{ "GET /events/a?last=1 HTTP/1.1\r\n" HEAD_END,
		    "\"GET /events/a?last=1 HTTP/1.1\" 200 17 \"-\" \"-\"" },
		{ "GET / HTTP/1.0\r\nReferer: http://r/\r\n"
		  "User-Agent: Mozilla/5.0 (X)\r\n\r\n",
		    "\"GET / HTTP/1.0\" 200 17 \"http://r/\" "
		    "\"Mozilla/5.0 (X)\"" },
		{ "GET / HTTP/1.1\r\nUser-Agent: a\" 200 0 \\\"\r\n" HEAD_END,
		    "\"GET / HTTP/1.1\" 200 17 \"-\" "
		    "\"a\\x22 200 0 \\x5c\\x22\"" },
		{ "GET / HTTP/1.1\r\nUser-Agent: a\tb\r\n" HEAD_END,
		    "\"GET / HTTP/1.1\" 200 17 \"-\" \"a\\x09b\"" },
		{ "GET / HTTP/1.1\r\nReferer: \xe2\x80\xae\xff\xc3\xa9\r\n" HEAD_END,
		    "\"GET / HTTP/1.1\" 200 17 \"\\u202e\\xff\xc3\xa9\" \"-\"" },
		{ "\x16\x03\x01 \x1b[2J\"\r\nmore",
		    "\"\\u0016\\u0003\\u0001 \\u001b[2J\\x22\" 200 17 \"-\" "
		    "\"-\"" },
		{ "", "\"-\" 200 17 \"-\" \"-\"" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct access a = request_of(cases[i].head);
		char want[512];

		write_line(&a, ACCESS_COMBINED);
		snprintf(want, sizeof(want), FRONT "%s\n", cases[i].want);
		assert_string_equal(line.ptr, want);
	}
}

static void
streams(void **state)
{
	struct access a = request_of("GET /events HTTP/1.1\r\n" HEAD_END);

	(void)state;
	a.kind = ACCESS_BEGIN;
	a.id = "0123456789ab-0-1";
	a.client = TEXT("a\"b");
	write_line(&a, ACCESS_COMBINED);
	assert_string_equal(line.ptr,
	    "192.0.2.7 - a\\x22b [20/Nov/2025:12:00:00 +0000] "
	    "\"GET /events HTTP/1.1\" 200 17 \"-\" \"-\" "
	    "0123456789ab-0-1 begin\n");
	a.client = text_of(NULL);
	a.kind = ACCESS_END;
	a.since_ms = a.now_ms - 61005;
	a.events = 5;
	a.why = "peer";
	write_line(&a, ACCESS_COMBINED);
	assert_string_equal(line.ptr,
	    FRONT "\"GET /events HTTP/1.1\" 200 17 \"-\" \"-\" "
		  "0123456789ab-0-1 end peer 61.005 5\n");
	write_line(&a, ACCESS_JSON);
	assert_string_equal(line.ptr,
	    "{\"time\":\"2025-11-20T12:00:00.123Z\",\"what\":\"end\","
	    "\"address\":\"192.0.2.7\",\"client\":null,\"method\":\"GET\","
	    "\"target\":\"/events\",\"status\":200,\"bytes\":17,"
	    "\"referer\":null,\"agent\":null,\"id\":\"0123456789ab-0-1\","
	    "\"reason\":\"peer\",\"duration\":61.005,\"events\":5}\n");
	/* A clock that was set back. */
	a.since_ms = a.now_ms + 1000;
	write_line(&a, ACCESS_COMBINED);
	assert_non_null(strstr(line.ptr, " end peer 0.000 5\n"));
}

/* Whatever the bytes, a line is one line, and JSON is JSON. */
static void
any_bytes(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 2000; s++) {
		struct access a = request_of("");
		char bytes[64];
		json_t *json;

		chance_begin(s);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)chance_below(256);
		a.caller.method = (struct sse_text){ bytes, 5 };
		a.caller.target = (struct sse_text){ bytes + 5, 20 };
		a.caller.agent = (struct sse_text){ bytes + 25, 39 };
		write_line(&a, ACCESS_COMBINED);
		for (size_t i = 0; i + 2 < line.len; i++)
			hold_true((unsigned char)line.ptr[i] >= 0x20 &&
			    line.ptr[i] != 0x7f);
		write_line(&a, ACCESS_JSON);
		json = json_loads(line.ptr, JSON_ALLOW_NUL, NULL);
		hold_true(json != NULL);
		json_decref(json);
	}
}

static void
long_ones(void **state)
{
	char target[5000];
	struct access a = request_of("");
	char *mem;

	(void)state;
	memset(target, '"', sizeof(target));
	a.caller.method = TEXT("GET");
	a.caller.target = (struct sse_text){ target, sizeof(target) };
	write_line(&a, ACCESS_COMBINED);
	assert_int_equal(line.len - 1,
	    strlen(FRONT "\"GET  HTTP/1.0\" 200 17 \"-\" \"-\"\n") +
		4 * ACCESS_TEXT_MAX + 3);
	mem = caller_keep(&a.caller);
	assert_non_null(mem);
	assert_int_equal(a.caller.target.len, ACCESS_TEXT_MAX);
	assert_ptr_equal(a.caller.target.ptr, mem + 3);
	assert_int_equal(a.caller.referer.len, 0);
	free(mem);
}

static int
end(void **state)
{
	(void)state;
	sse_buf_free(&line);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(combined),
		cmocka_unit_test(streams),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(long_ones),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, end);
}
