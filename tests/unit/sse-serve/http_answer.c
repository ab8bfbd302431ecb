/* Answers: every byte of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/http_answer.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

#define PLAIN "Content-Type: text/plain\r\nX-Content-Type-Options: nosniff\r\n"

static void
answers(void **state)
{
	static const struct {
		struct http_answer a;
		const char *want;
	} cases[] = {
		{ { .status = 200, .type = "text/plain", .body = { "hi", 2 } },
		    "HTTP/1.1 200 OK\r\n" PLAIN "Content-Length: 2\r\n"
		    "Connection: keep-alive\r\n\r\nhi" },
		{ { .status = 200,
		      .type = "text/plain",
		      .body = { "hi", 2 },
		      .head_only = true,
		      .close = true },
		    "HTTP/1.1 200 OK\r\n" PLAIN "Content-Length: 2\r\n"
		    "Connection: close\r\n\r\n" },
		{ { .status = 204, .fields = "Allow: GET\r\n", .now_s = 1 },
		    "HTTP/1.1 204 No Content\r\n"
		    "Date: Thu, 01 Jan 1970 00:00:01 GMT\r\n"
		    "Connection: keep-alive\r\nAllow: GET\r\n\r\n" },
		{ { .status = 405, .close = true, .now_s = 784111777 },
		    "HTTP/1.1 405 Method Not Allowed\r\n"
		    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
		    "Content-Length: 0\r\nConnection: close\r\n\r\n" },
		{ { .status = 299 },
		    "HTTP/1.1 299 Unknown\r\nContent-Length: 0\r\n"
		    "Connection: keep-alive\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct sse_buf b = { 0 };

		/* It is appended: what is there stays. */
		assert_int_equal(sse_buf_append(&b, "x", 1), 0);
		assert_int_equal(http_answer(&b, &cases[i].a), 0);
		assert_int_equal(b.len, strlen(cases[i].want) + 1);
		assert_memory_equal(b.ptr + 1, cases[i].want, b.len - 1);
		sse_buf_free(&b);
	}
}

static void
refusal(void **state)
{
	static const char want[] =
	    "HTTP/1.1 400 Bad Request\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "X-Content-Type-Options: nosniff\r\nContent-Length: 4\r\n"
	    "Connection: close\r\nCache-Control: no-store\r\n\r\nwhy\n";
	char why[2000];
	struct sse_buf b = { 0 };

	(void)state;
	assert_int_equal(http_refuse(&b, 400, "why", true, 0), 0);
	assert_int_equal(b.len, strlen(want));
	assert_memory_equal(b.ptr, want, b.len);
	b.len = 0;
	/* One that is too long is cut, and its length fits what is sent. */
	memset(why, 'y', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	assert_int_equal(http_refuse(&b, 400, why, true, 0), 0);
	assert_non_null(memmem(b.ptr, b.len, "Content-Length: 511\r\n", 21));
	assert_memory_equal(b.ptr + b.len - 515, "\r\n\r\ny", 5);
	sse_buf_free(&b);
}

static void
stream(void **state)
{
	static const char want[] =
	    "HTTP/1.1 200 OK\r\nDate: Thu, 29 Feb 2024 23:59:59 GMT\r\n"
	    "Content-Type: text/event-stream\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Cache-Control: no-cache, no-transform\r\n"
	    "X-Accel-Buffering: no\r\nConnection: close\r\n"
	    "Vary: Origin\r\n\r\n";
	struct sse_buf b = { 0 };

	(void)state;
	assert_int_equal(
	    http_stream_head(&b, "Vary: Origin\r\n", 1709251199), 0);
	assert_int_equal(b.len, strlen(want));
	assert_memory_equal(b.ptr, want, b.len);
	b.len = 0;
	assert_int_equal(http_stream_head(&b, NULL, 0), 0);
	assert_null(memmem(b.ptr, b.len, "Date", 4));
	b.len = 0;
	assert_int_equal(http_continue(&b), 0);
	assert_int_equal(b.len, 25);
	assert_memory_equal(b.ptr, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	sse_buf_free(&b);
}

static void
reasons(void **state)
{
	(void)state;
	assert_string_equal(http_reason(200), "OK");
	assert_string_equal(http_reason(505), "HTTP Version Not Supported");
	assert_string_equal(http_reason(0), "Unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(refusal),
		cmocka_unit_test(stream),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
