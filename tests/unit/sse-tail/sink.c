/* What is printed of events, and what no longer is. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../cmd/sse-tail/sink.h"
#include "interrupt.h"

static struct options
options_of(const char *format)
{
	struct options o = { .output = NULL };
	const char *fault;

	assert_non_null(o.output = output_new(format, &fault));
	return o;
}

/* Whatever is in the pipe, which is not to block. */
static size_t
drain(int fd)
{
	static char buf[1 << 20];
	size_t all = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		all += (size_t)n;
	return all;
}

/* A pipe in the place of standard output, which stays in *was. */
static int
pipe_out(int *was)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	*was = dup(STDOUT_FILENO);
	assert_int_equal(dup2(fds[1], STDOUT_FILENO), STDOUT_FILENO);
	(void)close(fds[1]);
	return fds[0];
}

/*
 * A reader stalled while the program was told to end, so that some could not be
 * written: when it reads again, nothing follows what it has.
 */
static void
ends_where_it_broke_off(void **state)
{
	static char large[1 << 20];
	struct event ev = EVENT_NONE, all = EVENT_NONE;
	struct options o = options_of("line");
	size_t first, then;
	struct sink k;
	int fd, was;
	bool flushed;

	(void)state;
	ev.data = TEXT("behind it");
	all.data = (struct sse_text){ large, sizeof(large) };
	sink_begin(&k, &o);
	interrupt_catch();
	assert_int_equal(raise(SIGTERM), 0);
	fd = pipe_out(&was);
	(void)sink_event(&k, &all, NULL, ""); /* it flushes of itself */
	first = drain(fd);
	(void)sink_event(&k, &ev, NULL, "");
	flushed = sink_flush(&k);
	then = drain(fd);
	(void)dup2(was, STDOUT_FILENO);
	assert_true(first > 0);
	assert_true(first < sizeof(large));
	assert_false(flushed);
	assert_int_equal(then, 0);
	(void)close(was);
	(void)close(fd);
	sink_free(&k);
	output_free(o.output);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_where_it_broke_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
