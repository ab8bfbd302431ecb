/* What --capture writes, block by block. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "../../../cmd/sse-tail/capture.h"
#include "event.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))
#define BLOCKS 4
#define BEGUN_MS 7000

static const char *
content(const char *path)
{
	static char text[1024];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static void
blocks(void **state)
{
	static const struct {
		struct {
			const char *raw;
			int64_t ms; /* since the beginning */
		} in[BLOCKS];
		const char *want;
	} cases[] = {
		{ { { NULL, 0 } }, "" },
		{ { { "data: a\n\n", 0 } }, ": +0.000s\ndata: a\n\n" },
		{ { { "data: a\n\n", 1234 }, { "data: b\n\n", 61005 } },
		    ": +1.234s\ndata: a\n\n: +61.005s\ndata: b\n\n" },
		/* Those that came together have one time. */
		{ { { "data: a\n\n", 9 }, { ": c\n\n", 9 },
		      { "data: b\n\n", 10 } },
		    ": +0.009s\ndata: a\n\n: c\n\n: +0.010s\ndata: b\n\n" },
		/* A comment may not stand within a CRLF. */
		{ { { "data: a\r\n\r", 1 }, { "\ndata: b\r\n\r", 2 } },
		    ": +0.001s\ndata: a\r\n\r\n: +0.002s\ndata: b\r\n\r\n" },
		{ { { "data: a\r\r", 1 }, { "data: b\r\r", 1 } },
		    ": +0.001s\ndata: a\r\r\ndata: b\r\r\n" },
		{ { { "\n\n\r\ndata: a\n\n", 3 } }, ": +0.003s\ndata: a\n\n" },
		/* Behind the first comment it would be part of a name. */
		{ { { "\xef\xbb\xbf"
		      "data: a\n\n",
		      0 } },
		    ": +0.000s\ndata: a\n\n" },
		{ { { "\xef\xbb\xbf\r\ndata: a\n\n", 0 } },
		    ": +0.000s\ndata: a\n\n" },
	};
	const char *path = *state;

	for (size_t i = 0; i < nitems(cases); i++) {
		struct capture *c = capture_open(path, BEGUN_MS);

		assert_non_null(c);
		for (int n = 0; n < BLOCKS && cases[i].in[n].raw != NULL; n++)
			assert_int_equal(
			    capture_block(c, text_of(cases[i].in[n].raw),
				BEGUN_MS + cases[i].in[n].ms),
			    0);
		assert_int_equal(capture_close(c), 0);
		assert_string_equal(content(path), cases[i].want);
	}
}

static void
flushed(void **state)
{
	struct capture *c = capture_open(*state, 0);

	assert_non_null(c);
	assert_int_equal(capture_block(c, TEXT("data: a\n\n"), 0), 0);
	assert_string_equal(content(*state), "");
	assert_int_equal(capture_flush(c), 0);
	assert_string_equal(content(*state), ": +0.000s\ndata: a\n\n");
	/* Nothing is written again. */
	assert_int_equal(capture_close(c), 0);
	assert_string_equal(content(*state), ": +0.000s\ndata: a\n\n");
}

static void
faults(void **state)
{
	struct capture *c;
	struct stat st;

	assert_null(capture_open("/nowhere/at/all", 0));
	assert_int_equal(capture_close(NULL), 0);
	c = capture_open("/dev/full", 0);
	assert_non_null(c);
	assert_int_equal(capture_block(c, TEXT("data: a\n\n"), 0), 0);
	assert_int_equal(capture_flush(c), -1);
	assert_int_equal(capture_close(c), -1);
	/* What a stream says is its reader's alone. */
	assert_int_equal(stat(*state, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static int
begin(void **state)
{
	static char path[] = "/tmp/capture.XXXXXX";
	int fd = mkstemp(path);

	*state = path;
	return fd == -1 ? -1 : close(fd);
}

static int
end(void **state)
{
	return unlink(*state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks),
		cmocka_unit_test(flushed),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
