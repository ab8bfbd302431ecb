/* Events as JSON lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static void
encoded(void **state)
{
	static const struct event cases[] = {
		{ .data = TEXT_INIT("hi"), .has_data = true },
		{ .data = TEXT_INIT(""), .has_data = true },
		{ .id = TEXT_INIT(""), .has_id = true },
		{ .data = TEXT_INIT("\"\\\b\f\n\r\t\x01\x7f\0\xc3\xa9"),
		    .has_data = true },
		{ .channel = TEXT_INIT("news"),
		    .type = TEXT_INIT("alert"),
		    .id = TEXT_INIT("1-0"),
		    .data = TEXT_INIT("x"),
		    .match = TEXT_INIT("a=b c=d"),
		    .origin = TEXT_INIT("o"),
		    .via = TEXT_INIT("v"),
		    .high = true,
		    .has_id = true,
		    .has_data = true },
	};
	static const char *const wants[] = {
		"{\"data\":\"hi\",\"retry\":0,\"expires\":0.5}\n",
		"{\"data\":\"\",\"retry\":0,\"expires\":0.5}\n",
		"{\"id\":\"\",\"retry\":0,\"expires\":0.5}\n",
		"{\"data\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f\\u0000\xc3\xa9\""
		",\"retry\":0,\"expires\":0.5}\n",
		"{\"channel\":\"news\",\"id\":\"1-0\",\"event\":\"alert\","
		"\"data\":\"x\",\"retry\":0,\"match\":[\"a=b\",\"c=d\"],"
		"\"priority\":\"high\",\"expires\":0.5,\"origin\":\"o\","
		"\"via\":[\"v\"]}\n",
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct event ev = cases[i];
		struct sse_buf b = { 0 };

		ev.expires_ms = 500;
		assert_int_equal(json_encode_event(&b, &ev), 0);
		assert_int_equal(sse_buf_append(&b, "", 1), 0);
		assert_string_equal(b.ptr, wants[i]);
		sse_buf_free(&b);
	}
}

static void
unset_is_absent(void **state)
{
	struct event ev = EVENT_NONE;
	struct sse_buf b = { 0 };

	(void)state;
	assert_int_equal(json_encode_event(&b, &ev), 0);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.ptr, "{}\n", 3);
	sse_buf_free(&b);
}

static void
refused(void **state)
{
	static const struct {
		const char *line, *fault;
	} cases[] = {
		{ "[]", "not a JSON object" },
		{ "", "not a JSON object (column 0)" },
		{ "7", "not a JSON object (column 1)" },
		{ "{\"data\":\"a\"", "not a JSON object (column 11)" },
		{ "{\"data\":\"a\"} x", "not a JSON object (column 14)" },
		{ "{\"data\":\"a\",\"data\":\"b\"}",
		    "a member stands twice (column 18)" },
		{ "{}", "no member \"data\"" },
		{ "{\"data\":null}", "no member \"data\"" },
		{ "{\"data\":7}", "data is not a string" },
		{ "{\"data\":{}}", "data is not a string" },
		{ "{\"dta\":\"a\"}", "unknown member \"dta\"" },
		{ "{\"d\\u0007\\u202e\":\"a\"}", "unknown member \"d????\"" },
		{ "{\"id\":7,\"data\":\"\"}", "id is not a string" },
		{ "{\"event\":[],\"data\":\"\"}", "event is not a string" },
		{ "{\"channel\":\"a b\",\"data\":\"\"}",
		    "channel is malformed" },
		{ "{\"retry\":-1,\"data\":\"\"}",
		    "retry is not a count of milliseconds" },
		{ "{\"retry\":\"5\",\"data\":\"\"}",
		    "retry is not a count of milliseconds" },
		{ "{\"retry\":1.5,\"data\":\"\"}",
		    "retry is not a count of milliseconds" },
		{ "{\"expires\":\"5\",\"data\":\"\"}",
		    "expires is not a time" },
		{ "{\"expires\":-5,\"data\":\"\"}", "expires is not a time" },
		{ "{\"expires\":1e12,\"data\":\"\"}", "expires is not a time" },
		{ "{\"priority\":\"low\",\"data\":\"\"}",
		    "priority is malformed" },
		{ "{\"match\":\"a=b\",\"data\":\"\"}",
		    "match is not an array of strings" },
		{ "{\"match\":[1],\"data\":\"\"}",
		    "match is not an array of strings" },
		{ "{\"match\":[\"a=b c=d\"],\"data\":\"\"}",
		    "match is malformed" },
		{ "{\"match\":[\"a\"],\"data\":\"\"}", "match is malformed" },
		{ "{\"match\":[\"\"],\"data\":\"\"}", "match is malformed" },
		{ "{\"via\":[\"a\\nb\"],\"data\":\"\"}", "via is malformed" },
	};
	struct json_event je = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const char *fault = NULL;

		if (json_decode_event(&je, cases[i].line, strlen(cases[i].line),
			&fault) != -1)
			fail_msg("taken: %s", cases[i].line);
		assert_string_equal(fault, cases[i].fault);
	}
	json_event_free(&je);
}

static void
long_name_is_cut(void **state)
{
	struct json_event je = { 0 };
	char line[4096] = "{\"";
	const char *fault = NULL;

	(void)state;
	memset(line + 2, 'x', sizeof(line) - 2);
	memcpy(line + sizeof(line) - 5, "\":1}", 5);
	assert_int_equal(
	    json_decode_event(&je, line, sizeof(line) - 1, &fault), -1);
	assert_true(strlen(fault) < sizeof(je.fault));
	assert_memory_equal(fault, "unknown member \"xxx", 19);
	json_event_free(&je);
}

static void
taken(void **state)
{
	static const char line[] =
	    " {\"event\":\"message\",\"id\":null,\"data\":\"a\\u0000\\ud83d\\udc26\","
	    "\"retry\":1e3,\"match\":[\"a=b\",\"c=d\"],\"via\":[],"
	    "\"expires\":1763630000.125,\"priority\":\"high\"} \r";
	static const char whole[] =
	    "{\"data\":\"a\",\"retry\":99999999999,\"expires\":7}";
	struct json_event je = { 0 };
	const char *fault = "";

	(void)state;
	/* 1e3 is no integer to a reader of JSON that keeps the two apart. */
	assert_int_equal(
	    json_decode_event(&je, line, sizeof(line) - 1, &fault), -1);
	assert_string_equal(fault, "retry is not a count of milliseconds");
	assert_int_equal(
	    json_decode_event(&je, whole, sizeof(whole) - 1, &fault), 0);
	assert_int_equal(je.ev.retry_ms, SSE_RETRY_MAX_MS);
	assert_int_equal(je.ev.expires_ms, 7000);
	assert_false(je.ev.has_id);
	json_event_free(&je);
}

static void
taken_in_full(void **state)
{
	static const char line[] =
	    " {\"event\":\"message\",\"id\":null,\"data\":\"a\\u0000\\ud83d\\udc26\","
	    "\"retry\":1000,\"match\":[\"a=b\",\"c=d\"],\"via\":[],"
	    "\"expires\":1763630000.125,\"priority\":\"high\"} \r";
	struct json_event je = { 0 };
	const char *fault = "";

	(void)state;
	assert_int_equal(
	    json_decode_event(&je, line, sizeof(line) - 1, &fault), 0);
	assert_int_equal(je.ev.type.len, 0);
	assert_false(je.ev.has_id);
	assert_int_equal(je.ev.data.len, 6);
	assert_memory_equal(je.ev.data.ptr, "a\0\xf0\x9f\x90\xa6", 6);
	assert_true(text_is(je.ev.match, "a=b c=d"));
	assert_int_equal(je.ev.via.len, 0);
	assert_int_equal(je.ev.retry_ms, 1000);
	assert_true(je.ev.expires_ms == 1763630000125);
	assert_true(je.ev.high);
	json_event_free(&je);
}

/* What sse-tail may want besides: where from, and data as JSON. */
static void
more(void **state)
{
	static const struct {
		struct json_more more;
		const char *data, *want;
	} cases[] = {
		{ { TEXT_INIT("http://h/"), false }, "1",
		    "{\"data\":\"1\",\"url\":\"http://h/\"}\n" },
		{ { TEXT_INIT(""), true }, "1", "{\"data\":1}\n" },
		{ { TEXT_INIT(""), true }, "{\"a\":\n[1]}",
		    "{\"data\":{\"a\": [1]}}\n" },
		{ { TEXT_INIT(""), true }, "123456789012345678901234567890",
		    "{\"data\":123456789012345678901234567890}\n" },
		{ { TEXT_INIT(""), true }, "{\"a\":1} x",
		    "{\"data\":\"{\\\"a\\\":1} x\"}\n" },
		{ { TEXT_INIT(""), true }, "", "{\"data\":\"\"}\n" },
		/* Eight at once, and the one among them. */
		{ { TEXT_INIT(""), false }, "12345678\"2345678\\23456781\n",
		    "{\"data\":\"12345678\\\"2345678\\\\23456781\\n\"}\n" },
		{ { TEXT_INIT(""), false },
		    "\xc3\xa9\x7f!\x21\xc3\xa9\x1f\xf0\x9f\x98\x80",
		    "{\"data\":\"\xc3\xa9\x7f!\x21\xc3\xa9\\u001f"
		    "\xf0\x9f\x98\x80\"}\n" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct event ev = EVENT_NONE;
		struct sse_buf b = { 0 };

		ev.data = text_of(cases[i].data);
		ev.has_data = true;
		assert_int_equal(json_encode_more(&b, &ev, &cases[i].more), 0);
		assert_int_equal(sse_buf_append(&b, "", 1), 0);
		assert_string_equal(b.ptr, cases[i].want);
		sse_buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more),
		cmocka_unit_test(encoded),
		cmocka_unit_test(unset_is_absent),
		cmocka_unit_test(refused),
		cmocka_unit_test(long_name_is_cut),
		cmocka_unit_test(taken),
		cmocka_unit_test(taken_in_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
