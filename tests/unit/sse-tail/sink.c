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

/* Of one that has taken count events. */
static unsigned long long
room(const struct options *o, unsigned long long count)
{
	unsigned long long n;
	struct sink k;

	sink_begin(&k, o);
	k.count = count;
	n = sink_room(&k);
	sink_free(&k);
	return n;
}

/* Events may come many at once only where nothing but their data matters. */
static void
has_room(void **state)
{
	struct options o = options_of("line"), json = options_of("json");

	(void)state;
	assert_true(room(&o, 0) > 1000000);
	o.count = 5;
	assert_int_equal(room(&o, 3), 2);
	o.exec = "true";
	assert_int_equal(room(&o, 0), 0);
	o.exec = NULL;
	o.stats = true;
	assert_int_equal(room(&o, 0), 0);
	o.stats = false;
	o.select.until = "x";
	assert_int_equal(room(&o, 0), 0);
	o.select.until = NULL;
	o.select.ntypes = 1;
	assert_int_equal(room(&o, 0), 0);
	o.select.ntypes = 0;
	o.select.ngreps = 1;
	assert_int_equal(room(&o, 0), 0);
	o.select.ngreps = 0;
	output_set_terminal(o.output, true);
	assert_int_equal(room(&o, 0), 0);
	output_set_terminal(o.output, false);
	output_set_color(o.output, true);
	assert_int_equal(room(&o, 0), 0);
	assert_int_equal(room(&json, 0), 0);
	output_free(o.output);
	output_free(json.output);
}

static void
takes_many(void **state)
{
	static const struct sse_event ev[] = {
		{ .data = TEXT_INIT("a\0b") },
		{ .data = TEXT_INIT("") },
		{ .data = TEXT_INIT("c") },
	};
	struct options o = options_of("nul");
	struct sink k;

	(void)state;
	o.count = 6;
	sink_begin(&k, &o);
	assert_int_equal(sink_many(&k, ev, 3), GO_ON);
	assert_int_equal(k.count, 3);
	assert_int_equal(k.out.len, 7);
	assert_memory_equal(k.out.ptr, "a\0b\0\0c\0", 7);
	assert_int_equal(sink_many(&k, ev, 3), 0);
	sink_free(&k);
	output_free(o.output);
}

/* What is large passes without a copy. */
static void
copies_nothing_large(void **state)
{
	static char large[1 << 20];
	struct options o = options_of("line");
	struct event ev = EVENT_NONE;
	struct sink k;
	int file = open(".", O_TMPFILE | O_RDWR, 0600), was;
	char *got;

	(void)state;
	assert_true(file != -1);
	memset(large, 'x', sizeof(large));
	was = dup(STDOUT_FILENO);
	(void)dup2(file, STDOUT_FILENO);
	sink_begin(&k, &o);
	ev.data = TEXT("before");
	(void)sink_event(&k, &ev, NULL, "");
	ev.data = (struct sse_text){ large, sizeof(large) };
	(void)sink_event(&k, &ev, NULL, "");
	ev.data = TEXT("behind");
	(void)sink_event(&k, &ev, NULL, "");
	(void)sink_flush(&k);
	(void)dup2(was, STDOUT_FILENO);
	assert_true(k.out.cap < sizeof(large));
	assert_non_null(got = malloc(sizeof(large) + 16));
	assert_int_equal(
	    pread(file, got, sizeof(large) + 16, 0), sizeof(large) + 15);
	assert_memory_equal(got, "before\n", 7);
	assert_memory_equal(got + 7, large, sizeof(large));
	assert_memory_equal(got + 7 + sizeof(large), "\nbehind\n", 8);
	free(got);
	(void)close(was);
	(void)close(file);
	sink_free(&k);
	output_free(o.output);
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
		cmocka_unit_test(has_room),
		cmocka_unit_test(takes_many),
		cmocka_unit_test(copies_nothing_large),
		cmocka_unit_test(ends_where_it_broke_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
