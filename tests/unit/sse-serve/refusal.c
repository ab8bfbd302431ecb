/* What is said to those who are refused for the time being. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/refusal.h"

/* The answer as a string. */
static char *
said(struct refusing r)
{
	static char text[1024];
	struct sse_buf b = { 0 };

	assert_int_equal(refusal_answer(&b, &r), 0);
	assert_true(b.len < sizeof(text));
	memcpy(text, b.ptr, b.len);
	text[b.len] = '\0';
	sse_buf_free(&b);
	return text;
}

static void
whole(void **state)
{
	struct refusing r = { .reason = REFUSAL_ADDRESS,
		.retry_ms = 2000,
		.chance = 2001 * 5 + 1,
		.fields = "Vary: Origin\r\n" };

	(void)state;
	assert_string_equal(said(r),
	    "HTTP/1.1 429 Too Many Requests\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Content-Length: 39\r\n"
	    "Connection: close\r\n"
	    "Cache-Control: no-store\r\n"
	    "Retry-After: 3\r\n"
	    "Vary: Origin\r\n\r\n"
	    "too many connections from this address\n");
	r.softly = true;
	r.fields = NULL;
	assert_string_equal(said(r),
	    "HTTP/1.1 200 OK\r\n"
	    "Content-Type: text/event-stream\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Cache-Control: no-cache, no-transform\r\n"
	    "X-Accel-Buffering: no\r\n"
	    "Connection: close\r\n\r\n"
	    ": too many connections from this address\n"
	    "retry: 2001\n\n");
}

/* Every reason has its status and its words; no two come back together. */
static void
reasons(void **state)
{
	(void)state;
	for (int i = REFUSAL_CONNECTIONS; i <= REFUSAL_MEMORY; i++) {
		int status = refusal_status((enum refusal)i);

		assert_true(status == 429 || status == 503);
		assert_true(strlen(refusal_text((enum refusal)i)) > 10);
		assert_non_null(refusal_names[i]);
	}
	for (int64_t retry = 0; retry <= 86400000; retry = retry * 10 + 500) {
		int64_t least = retry > 1000 ? retry : 1000, low = 1 << 30;

		for (uint32_t chance = 0; chance < 1000; chance++) {
			struct refusing r = { .reason = REFUSAL_RATE,
				.softly = true,
				.retry_ms = retry,
				.chance = chance * 4294967 };
			long long at = strtoll(
			    strstr(said(r), "retry: ") + 7, NULL, 10);

			assert_in_range(at, least, 2 * least);
			low = at < low ? at : low;
		}
		assert_in_range(low, least, least + least / 50);
	}
}

static void
after(void **state)
{
	char buf[REFUSAL_AFTER_MAX];

	(void)state;
	assert_string_equal(refusal_after(200, 2000, 0, buf), "");
	assert_string_equal(refusal_after(400, 2000, 0, buf), "");
	assert_string_equal(
	    refusal_after(503, 2000, 0, buf), "Retry-After: 2\r\n");
	assert_string_equal(
	    refusal_after(507, 2000, 2000, buf), "Retry-After: 4\r\n");
	assert_string_equal(refusal_after(429, 86400000, UINT32_MAX, buf),
	    "Retry-After: 147768\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(reasons),
		cmocka_unit_test(after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
