/* Output: events become bytes in a format of -f or by a template. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "input.h"
#include "output.h"
#include "visible.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static struct event
sample(void)
{
	struct event ev = EVENT_NONE;

	ev.channel = TEXT("news");
	ev.type = TEXT("alert");
	ev.id = TEXT("7-0");
	ev.has_id = ev.has_data = true;
	ev.data = TEXT("a\nb");
	return ev;
}

static const struct output_context ctx = {
	.url = TEXT_INIT("http://h/"),
	.count = 12,
	.now_ms = 1763630000123,
};

static void
formats(void **state)
{
	static const struct {
		const char *format;
		struct sse_text want;
	} cases[] = {
		{ "line", TEXT_INIT("a\nb\n") },
		{ "nul", TEXT_INIT("a\nb\0") },
		{ "sse",
		    TEXT_INIT("channel: news\nevent: alert\nid: 7-0\n"
			      "data: a\ndata: b\n\n") },
		{ "json",
		    TEXT_INIT("{\"channel\":\"news\",\"id\":\"7-0\","
			      "\"event\":\"alert\",\"data\":\"a\\nb\"}\n") },
		{ "{data}", TEXT_INIT("a\nb") },
		{ "{{", TEXT_INIT("{") },
		{ "{{data}", TEXT_INIT("{data}") },
		{ "{{{data}}", TEXT_INIT("{a\nb}") },
		{ "{event} {id}\\t{channel} {url}",
		    TEXT_INIT("alert 7-0\tnews http://h/") },
		{ "{count}: {json}\n",
		    TEXT_INIT("12: {\"channel\":\"news\",\"id\":\"7-0\","
			      "\"event\":\"alert\",\"data\":\"a\\nb\"}\n") },
		{ "{time}", TEXT_INIT("2025-11-20T09:13:20Z") },
		{ "{time:%H.%M:%S}", TEXT_INIT("10.13:20") },
		{ "{time:}", TEXT_INIT("2025-11-20T09:13:20Z") },
		{ "{time:x}", TEXT_INIT("x") },
		{ "{id}\\0", TEXT_INIT("7-0\0") },
		{ "{id}\\a\\b\\e\\f\\n\\r\\t\\v\\\\\\\"\\'\\?",
		    TEXT_INIT("7-0\a\b\033\f\n\r\t\v\\\"'?") },
		{ "{id}\\1012\\x41f\\377", TEXT_INIT("7-0A2Af\xff") },
		{ "100% {id} }", TEXT_INIT("100% 7-0 }") },
	};
	struct event ev = sample();

	(void)state;
	setenv("TZ", "UTC-1", 1);
	for (size_t i = 0; i < nitems(cases); i++) {
		const char *fault = NULL;
		struct output *out = output_new(cases[i].format, &fault);
		struct sse_buf b = { 0 };

		if (out == NULL)
			fail_msg("%s: %s", cases[i].format, fault);
		assert_int_equal(output_event(out, &b, &ev, &ctx), 0);
		if (b.len != cases[i].want.len ||
		    memcmp(b.ptr, cases[i].want.ptr, b.len) != 0)
			fail_msg(
			    "%s: %.*s", cases[i].format, (int)b.len, b.ptr);
		sse_buf_free(&b);
		output_free(out);
	}
}

static void
nothing_set(void **state)
{
	const char *fault;
	struct output *out = output_new(
	    "{event},{id},{channel},{data};", &fault);
	struct event ev = EVENT_NONE;
	struct sse_buf b = { 0 };

	(void)state;
	ev.has_data = true;
	assert_int_equal(output_event(out, &b, &ev, &ctx), 0);
	assert_int_equal(b.len, 11);
	assert_memory_equal(b.ptr, "message,,,;", 11);
	sse_buf_free(&b);
	output_free(out);
}

static void
refused(void **state)
{
	static const char *const cases[] = { "", "lines", "LINE", "a", "{",
		"{data", "{}", "{dat}", "{datas}", "{data:x}", "{ data}",
		"{id}\\q", "{id}\\", "{id}\\x1", "{id}\\xg", "{id}\\400",
		"{id}\\8", "{data}{" };

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const char *fault = NULL;

		if (output_new(cases[i], &fault) != NULL)
			fail_msg("taken: %s", cases[i]);
		assert_non_null(fault);
	}
}

static void
shows(void **state)
{
	static const struct {
		const char *format, *show;
	} cases[] = {
		{ "line", "" },
		{ "nul", "" },
		{ "sse", "channel" },
		{ "json", "channel" },
		{ "{data}", "" },
		{ "{channel}", "channel" },
		{ "{json}", "channel" },
		{ "{{channel}", "" },
	};
	const char *fault;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct output *out = output_new(cases[i].format, &fault);

		assert_string_equal(output_show(out), cases[i].show);
		output_free(out);
	}
}

/* An event that cannot be encoded leaves what was in the buffer. */
static void
fails_whole(void **state)
{
	const char *fault;
	struct output *out = output_new("sse", &fault);
	struct event ev = EVENT_NONE;
	struct sse_buf b = { 0 };

	(void)state;
	assert_int_equal(sse_buf_append(&b, "x", 1), 0);
	assert_int_equal(output_event(out, &b, &ev, &ctx), -1);
	assert_int_equal(b.len, 1);
	sse_buf_free(&b);
	output_free(out);
}

/* What is written as sse or json is read as the same event. */
static void
read_back(void **state)
{
	static const char *const names[] = { "sse", "json" };
	static const enum input_format back[] = { INPUT_SSE, INPUT_JSON };
	const char *fault;

	(void)state;
	for (size_t i = 0; i < nitems(names); i++) {
		struct output *out = output_new(names[i], &fault);
		struct input *in = input_new(back[i], 0);
		struct event ev = sample(), got;
		struct sse_buf b = { 0 };
		size_t used;

		ev.match = TEXT("a=b");
		ev.retry_ms = 3000;
		assert_int_equal(output_event(out, &b, &ev, &ctx), 0);
		assert_int_equal(input_feed(in, b.ptr, b.len, &used, &got), 1);
		assert_true(text_is(got.channel, "news"));
		assert_true(text_is(got.type, "alert"));
		assert_true(got.has_id && text_is(got.id, "7-0"));
		assert_true(text_is(got.data, "a\nb"));
		assert_true(text_is(got.match, "a=b"));
		assert_int_equal(got.retry_ms, 3000);
		sse_buf_free(&b);
		output_free(out);
		input_free(in);
	}
}

static const struct {
	struct sse_text in;
	const char *shown;
} unsafe[] = {
	{ TEXT_INIT("plain \xc3\xa9 \xf0\x9f\x90\xa6\t!"),
	    "plain \xc3\xa9 \xf0\x9f\x90\xa6\t!" },
	{ TEXT_INIT("\x1b[2J"), "\\u001b[2J" },
	{ TEXT_INIT("\xc2\x9b[2J"), "\\u009b[2J" },
	{ TEXT_INIT("a\rb\b\x7f\0"), "a\\u000db\\u0008\\u007f\\u0000" },
	{ TEXT_INIT("\xe2\x80\xaeg\xe2\x81\xa6\xe2\x80\x8f"),
	    "\\u202eg\\u2066\\u200f" },
	{ TEXT_INIT("\xf4\x8f\xbf\xbf"), "\\U0010ffff" },
	{ TEXT_INIT("\xff"), "\\xff" },
};

/* On a terminal the event's text is made visible, the template's is not. */
static void
terminal(void **state)
{
	const char *fault;
	struct output *out = output_new("\\e[1m{data}\\e[m", &fault);

	(void)state;
	output_set_terminal(out, true);
	for (size_t i = 0; i < nitems(unsafe); i++) {
		struct event ev = EVENT_NONE;
		struct sse_buf b = { 0 };
		char want[128];

		ev.data = unsafe[i].in;
		ev.has_data = true;
		assert_int_equal(output_event(out, &b, &ev, &ctx), 0);
		assert_int_equal(sse_buf_append(&b, "", 1), 0);
		snprintf(
		    want, sizeof(want), "\033[1m%s\033[m", unsafe[i].shown);
		assert_string_equal(b.ptr, want);
		sse_buf_free(&b);
	}
	output_free(out);
}

static void
one_line(void **state)
{
	char buf[12];

	(void)state;
	assert_string_equal(
	    visible_line(TEXT("a\nb\tc"), buf, sizeof(buf)), "a\\u000ab...");
	assert_string_equal(
	    visible_line(TEXT("a\nbcde"), buf, sizeof(buf)), "a\\u000abcde");
	assert_string_equal(
	    visible_line(TEXT("12345678901"), buf, sizeof(buf)), "12345678901");
	assert_string_equal(
	    visible_line(TEXT("123456789012"), buf, sizeof(buf)),
	    "12345678...");
	assert_string_equal(visible_line(TEXT(""), buf, sizeof(buf)), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(nothing_set),
		cmocka_unit_test(refused),
		cmocka_unit_test(shows),
		cmocka_unit_test(fails_whole),
		cmocka_unit_test(read_back),
		cmocka_unit_test(terminal),
		cmocka_unit_test(one_line),
	};

	visible_locale();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
