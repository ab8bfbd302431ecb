/* The state file: what is written is there for the next run, and nobody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../cmd/sse-relay/state.h"
#include "event.h"

static char dir[] = "/tmp/sse-relay-state-XXXXXX";
static char path[64];

static int
setup(void **state)
{
	(void)state;
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/st", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static struct state *
open_as(const char *name)
{
	struct state *s;
	char *why;

	assert_int_equal(state_open(&s, path, name, &why), 0);
	assert_null(why);
	return s;
}

/* It cannot be opened so, and what is said has these words. */
static void
refused(const char *file, const char *name, int status, const char *words)
{
	struct state *s;
	char *why;

	assert_int_equal(state_open(&s, file, name, &why), status);
	assert_null(s);
	assert_non_null(why);
	assert_non_null(strstr(why, words));
	free(why);
}

static void
write_file(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void
test_mark(void **state)
{
	struct state *s = open_as("r");
	struct stat st;

	(void)state;
	assert_int_equal(state_mark(s).len, 0);
	assert_int_equal(state_flight(s).number, 0);
	assert_int_equal(state_due_ms(s), -1);
	assert_int_equal(state_set_mark(s, TEXT("1-1")), 0);
	assert_in_range(state_due_ms(s), 0, STATE_MS);
	assert_int_equal(state_sync(s, true), 0);
	assert_int_equal(state_due_ms(s), -1);
	/* A second one within its time is not written yet. */
	assert_int_equal(state_set_mark(s, TEXT("2-1")), 0);
	assert_in_range(state_due_ms(s), 1, STATE_MS);
	assert_int_equal(state_sync(s, false), 0);
	state_free(s);
	s = open_as("r");
	assert_true(text_is(state_mark(s), "1-1"));
	state_free(s);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
test_flight(void **state)
{
	static const char body[] = "id: 3\ndata: a\n\ndata: \0b\n\n";
	struct state_flight f = { TEXT("3-1"), TEXT("p"),
		TEXT("http://a/?b: c"), 7, { body, sizeof(body) - 1 } };
	struct state *s = open_as("r");

	(void)state;
	assert_int_equal(state_set_mark(s, TEXT("1-1")), 0);
	assert_int_equal(state_set_flight(s, &f), 0);
	state_free(s);
	s = open_as("r");
	assert_true(text_is(state_mark(s), "1-1"));
	assert_int_equal(state_flight(s).number, 7);
	assert_true(text_is(state_flight(s).to, "3-1"));
	assert_true(text_is(state_flight(s).producer, "p"));
	assert_true(text_is(state_flight(s).url, "http://a/?b: c"));
	assert_int_equal(state_flight(s).body.len, sizeof(body) - 1);
	assert_memory_equal(state_flight(s).body.ptr, body, sizeof(body) - 1);
	/* It arrives, and the mark is behind it. */
	assert_int_equal(state_landed(s), 0);
	assert_int_equal(state_sync(s, true), 0);
	state_free(s);
	s = open_as("r");
	assert_int_equal(state_flight(s).number, 0);
	assert_true(text_is(state_mark(s), "3-1"));
	state_free(s);
}

static void
test_refused(void **state)
{
	struct state *s = open_as("r"), *again;
	char absent[80];

	(void)state;
	refused(path, "r", EX_TEMPFAIL, "another process");
	assert_int_equal(state_set_mark(s, TEXT("1-1")), 0);
	assert_int_equal(state_sync(s, true), 0);
	/* The file that took its place is locked no less. */
	refused(path, "r", EX_TEMPFAIL, "another process");
	state_free(s);
	refused(path, "other", EX_DATAERR, "not the state of the relay other");
	refused(path, "r1", EX_DATAERR, "r1");
	again = open_as("r");
	state_free(again);
	write_file("something else\n", 15);
	refused(path, "r", EX_DATAERR, path);
	snprintf(absent, sizeof(absent), "%s/no/st", dir);
	refused(absent, "r", EX_CANTCREAT, "No such file");
}

/* A file cut anywhere is ours or not, and never more than it says. */
static void
test_cut(void **state)
{
	struct state_flight f = { TEXT("3-1"), TEXT("p"), TEXT("http://a/"), 7,
		TEXT("data: a\n\n") };
	struct state *s = open_as("r");
	char text[512], *why;
	size_t len;
	FILE *file;

	(void)state;
	assert_int_equal(state_set_flight(s, &f), 0);
	state_free(s);
	assert_non_null(file = fopen(path, "r"));
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	for (size_t cut = 0; cut < len; cut++) {
		int status;

		write_file(text, cut);
		status = state_open(&s, path, "r", &why);
		assert_true(status == 0 || status == EX_DATAERR);
		if (status == 0)
			assert_true(state_flight(s).body.len <= f.body.len);
		free(why);
		state_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flight, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
