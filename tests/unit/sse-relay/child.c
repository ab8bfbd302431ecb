/* Lines to and from another program, however the pipes cut them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../../../cmd/sse-relay/child.h"
#include "units.h"

#define WAIT_MS 60000

/* The next line, waiting for it; false at the end of them. */
static bool
next_line(struct child *c, struct sse_text *t)
{
	int64_t end_ms = clock_mono_ms() + WAIT_MS;
	struct pollfd p[CHILD_FDS];

	while (!child_line(c, t)) {
		if (child_ended(c))
			return false;
		child_poll(c, p, true);
		assert_true(poll(p, CHILD_FDS, 1000) >= 0);
		child_feed(c);
		assert_int_not_equal(child_drain(c), -1);
		assert_true(clock_mono_ms() < end_ms);
	}
	return true;
}

static void
expect(struct child *c, const char *want)
{
	struct sse_text t;

	assert_true(next_line(c, &t));
	assert_int_equal(t.len, strlen(want));
	assert_memory_equal(t.ptr, want, t.len);
}

static void
expect_end(struct child *c, int want)
{
	struct sse_text t;
	int status;

	assert_false(next_line(c, &t));
	assert_true(child_reap(c, &status));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), want);
	child_free(c);
}

static void
test_framing(void **state)
{
	static const struct {
		const char *what, *command;
		const char *want[4];
		size_t left;
	} cases[] = {
		{ "lines at once", "printf 'a\\nb\\n'", { "a", "b" }, 0 },
		{ "empty lines", "printf '\\n\\na\\n'", { "", "", "a" }, 0 },
		{ "CR LF", "printf 'a\\r\\n\\r\\n'", { "a", "" }, 0 },
		{ "CR alone is none", "printf 'a\\rb\\n'", { "a\rb" }, 0 },
		{ "a line in pieces",
		    "printf a; sleep 0.1; printf b; sleep 0.1; printf '\\nc\\n'",
		    { "ab", "c" }, 0 },
		{ "CR and LF in pieces", "printf 'a\\r'; sleep 0.1; echo",
		    { "a" }, 0 },
		{ "half a line", "printf 'a\\nbcd'", { "a" }, 3 },
		{ "nothing", ":", { NULL }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct child *c = child_new(cases[i].command);

		assert_non_null(c);
		for (size_t n = 0; n < 4 && cases[i].want[n] != NULL; n++)
			expect(c, cases[i].want[n]);
		child_close(c);
		while (!child_ended(c))
			assert_int_not_equal(child_drain(c), -1);
		assert_int_equal(child_unread(c), cases[i].left);
		expect_end(c, 0);
	}
}

/* More than both pipes hold, in one line and in many. */
static void
test_large(void **state)
{
	struct child *c = child_new("cat");
	struct sse_buf *out = child_out(c);
	struct sse_text t;
	char text[32];

	(void)state;
	for (size_t i = 0; i < 300000; i++)
		assert_int_equal(sse_buf_append(out, "x", 1), 0);
	assert_int_equal(sse_buf_append(out, "\n", 1), 0);
	for (int i = 0; i < 50000; i++) {
		int len = snprintf(text, sizeof(text), "%d\n", i);

		assert_int_equal(sse_buf_append(out, text, (size_t)len), 0);
	}
	child_close(c);
	assert_true(child_closed(c));
	assert_true(child_unsent(c) > 0);
	assert_true(next_line(c, &t));
	assert_int_equal(t.len, 300000);
	for (int i = 0; i < 50000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		expect(c, text);
	}
	assert_false(child_takes(c));
	expect_end(c, 0);
}

/* One that reads nothing and ends is no broken pipe of ours. */
static void
test_deaf(void **state)
{
	struct child *c = child_new("exec <&-; echo up; exit 3");
	struct sse_buf *out;

	(void)state;
	assert_non_null(c);
	expect(c, "up");
	out = child_out(c);
	assert_int_equal(sse_buf_append(out, "a\n", 2), 0);
	child_feed(c);
	assert_false(child_takes(c));
	expect_end(c, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_deaf),
	};

	/* As the relay does. */
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
