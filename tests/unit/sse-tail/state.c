/* The file of --state: what it is read as, and what it becomes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "../../../cmd/sse-tail/state.h"
#include "event.h"
#include "units.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))
#define URLS 3

static const char path[] = "state";

static void
put(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static const char *
content(void)
{
	static char text[1024];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static size_t
count(const char *const *urls)
{
	size_t n = 0;

	while (n < URLS && urls[n] != NULL)
		n++;
	return n;
}

#define A "{\"url\":\"http://a/\",\"id\":\"1\"}\n"
#define B "{\"url\":\"http://b/\",\"id\":\"2\"}\n"

static void
files(void **state)
{
	static const struct {
		const char *file;
		const char *urls[URLS], *ids[URLS];
		const char *set; /* as the first URL's ID; NULL: none */
		const char *want;
	} cases[] = {
		/* Read, and not touched. */
		{ "", { "http://a/" }, { NULL }, NULL, "" },
		{ A, { "http://a/" }, { "1" }, NULL, A },
		{ A B, { "http://b/", "http://a/" }, { "2", "1" }, NULL, A B },
		{ B, { "http://a/", "http://b/" }, { NULL, "2" }, NULL, B },
		{ "\n" A "\n\n", { "http://a/" }, { "1" }, NULL,
		    "\n" A "\n\n" },
		{ A, { "http://a/" }, { "1" }, "1", A },
		/* What is empty is not known before it was something else. */
		{ "", { "http://a/" }, { NULL }, "", "" },
		/* Written: ours first, what others know stays. */
		{ "", { "http://a/" }, { NULL }, "1", A },
		{ A, { "http://a/" }, { "1" }, "7",
		    "{\"url\":\"http://a/\",\"id\":\"7\"}\n" },
		{ B A, { "http://a/" }, { "1" }, "7",
		    "{\"url\":\"http://a/\",\"id\":\"7\"}\n" B },
		{ A, { "http://a/" }, { "1" }, "",
		    "{\"url\":\"http://a/\",\"id\":\"\"}\n" },
		{ A, { "http://a/" }, { "1" }, "\"\\\xc3\xa9",
		    "{\"url\":\"http://a/\",\"id\":\"\\\"\\\\\xc3\xa9\"}\n" },
		/* The first of two of one URL counts. */
		{ A "{\"url\":\"http://a/\",\"id\":\"9\"}\n", { "http://a/" },
		    { "1" }, "7", "{\"url\":\"http://a/\",\"id\":\"7\"}\n" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		size_t n = count(cases[i].urls);
		struct state *s;

		put(cases[i].file);
		s = state_open(path, cases[i].urls, n);
		for (size_t u = 0; u < n; u++) {
			const char *id = state_id(s, u), *want;

			want = cases[i].ids[u];
			if (want == NULL)
				assert_null(id);
			else
				assert_string_equal(id, want);
		}
		if (cases[i].set != NULL)
			state_set(s, 0, text_of(cases[i].set));
		state_close(s);
		assert_string_equal(content(), cases[i].want);
	}
	state_close(NULL);
}

/* How a process ends that opens it. */
static int
status_of(const char *file, const char *url)
{
	int status;
	pid_t pid = fork();

	assert_true(pid != -1);
	if (pid == 0) {
		(void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		(void)state_open(file, &url, 1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
refused(void **state)
{
	static const struct {
		const char *file;
		int status;
	} cases[] = {
		{ "hello\n", EX_DATAERR },
		{ "{}\n", EX_DATAERR },
		{ "[]\n", EX_DATAERR },
		{ "{\"url\":\"http://a/\"}\n", EX_DATAERR },
		{ "{\"url\":1,\"id\":\"1\"}\n", EX_DATAERR },
		{ "{\"url\":\"http://a/\",\"id\":1}\n", EX_DATAERR },
		/* It would become a header of its own. */
		{ "{\"url\":\"http://a/\",\"id\":\"1\\r\\nX: y\"}\n",
		    EX_DATAERR },
		{ A "{\"url\":", EX_DATAERR },
		{ B, EX_CONFIG },
		{ A, EX_OK },
		{ A B, EX_OK },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		put(cases[i].file);
		if (status_of(path, "http://a/") != cases[i].status)
			fail_msg("%s", cases[i].file);
		assert_string_equal(content(), cases[i].file);
	}
	assert_int_equal(
	    status_of("/nowhere/at/all", "http://a/"), EX_CANTCREAT);
}

static const char *const url = "http://a/";

/* The lock holds on while each save puts another file in its place. */
static void
locked(void **state)
{
	struct state *s;

	(void)state;
	put(A);
	s = state_open(path, &url, 1);
	assert_int_equal(status_of(path, url), EX_TEMPFAIL);
	state_set(s, 0, TEXT("2"));
	state_save(s);
	assert_int_equal(status_of(path, url), EX_TEMPFAIL);
	state_close(s);
	assert_int_equal(status_of(path, url), EX_OK);
}

/* What was asked of the disk, in this order: f(ile), r(ename), d(irectory). */
static char asked[32];
static bool disk_is_broken;

static void
ask(char what)
{
	size_t len = strlen(asked);

	assert_true(len + 1 < sizeof(asked));
	asked[len] = what;
	asked[len + 1] = '\0';
}

/* Ours stand before those of libc. */
int
fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	ask(S_ISDIR(st.st_mode) ? 'd' : 'f');
	errno = EIO;
	return disk_is_broken ? -1 : 0;
}

int
rename(const char *from, const char *to)
{
	ask('r');
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static void
synced(void **state)
{
	struct state *s;
	int status;
	pid_t pid;

	(void)state;
	put(A);
	s = state_open(path, &url, 1);
	state_set(s, 0, TEXT("2"));
	asked[0] = '\0';
	state_save(s);
	assert_string_equal(asked, "frd");
	state_close(s);
	assert_string_equal(asked, "frd");
	/* What is not on the disk replaces nothing. */
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		(void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		s = state_open(path, &url, 1);
		state_set(s, 0, TEXT("3"));
		disk_is_broken = true;
		state_save(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EX_IOERR);
	assert_string_equal(
	    content(), "{\"url\":\"http://a/\",\"id\":\"2\"}\n");
	assert_int_equal(unlink("state.new"), 0);
}

static void
due(void **state)
{
	struct state *s;
	int64_t before, at;

	(void)state;
	put("");
	s = state_open(path, &url, 1);
	assert_true(state_due_ms(s) == INT64_MAX);
	/* The first one is due at once, the next a second later. */
	state_set(s, 0, TEXT("1"));
	assert_true(state_due_ms(s) <= clock_mono_ms());
	before = clock_mono_ms();
	state_save(s);
	assert_true(state_due_ms(s) == INT64_MAX);
	state_set(s, 0, TEXT("1"));
	assert_true(state_due_ms(s) == INT64_MAX);
	state_set(s, 0, TEXT("2"));
	at = state_due_ms(s);
	assert_true(at >= before + STATE_EVERY_MS);
	assert_true(at <= clock_mono_ms() + STATE_EVERY_MS);
	assert_string_equal(content(), A);
	state_close(s);
	assert_string_equal(
	    content(), "{\"url\":\"http://a/\",\"id\":\"2\"}\n");
}

static void
links(void **state)
{
	struct state *s;
	struct stat st;

	(void)state;
	put(A);
	assert_int_equal(symlink(path, "link"), 0);
	s = state_open("link", &url, 1);
	state_set(s, 0, TEXT("2"));
	state_close(s);
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_string_equal(
	    content(), "{\"url\":\"http://a/\",\"id\":\"2\"}\n");
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* Nothing is left beside it. */
	assert_int_equal(stat("state.new", &st), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(unlink("link"), 0);
}

static int
begin(void **state)
{
	static char directory[] = "/tmp/state.XXXXXX";

	*state = mkdtemp(directory);
	return *state == NULL ? -1 : chdir(directory);
}

static int
end(void **state)
{
	(void)unlink(path);
	return chdir("/") == -1 ? -1 : rmdir(*state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(refused),
		cmocka_unit_test(locked),
		cmocka_unit_test(synced),
		cmocka_unit_test(due),
		cmocka_unit_test(links),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
