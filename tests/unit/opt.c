/* Options: each case in a process of its own, since faults end it. */
#include <getopt.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "opt.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static const struct opt table[] = {
	{ 'c', "count", "number", "how many (1)" },
	{ 256, "gap", "what", "warn or fail" },
	{ 'h', "help", NULL, "print this" },
	{ 's', "size", "size", "how large (1m)" },
	{ 't', "time", "time", "how long (1s)" },
	{ 'v', "verbose", NULL, "say more" },
	{ 257, "verbatim", NULL, "change nothing" },
	{ 'V', "version", NULL, "print the version" },
};

/* Read argv and print what came, on standard output and error as one. */
static _Noreturn void
child(int out, bool permute, char **argv)
{
	struct opts o = { table, nitems(table), "[options] url", "Try options.",
		permute };
	int argc = 0, letter;

	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	while (argv[argc] != NULL)
		argc++;
	optind = 0;
	while ((letter = opt_next(&o, argc, argv)) != -1) {
		if (letter == 'c')
			printf("c=%lld ", opt_number("-c", 1, 9));
		else if (letter == 's')
			printf("s=%llu ", opt_size("-s", 1, 4096));
		else if (letter == 't')
			printf("t=%lld ", opt_time_ms("-t", 1000, 1, 9000));
		else if (letter == OPT_OPERAND)
			printf("[%s]", optarg);
		else if (letter == 256)
			printf("gap=%s ", optarg);
		else if (letter == 257)
			printf("verbatim ");
		else
			printf("%c ", letter);
	}
	for (int i = optind; i < argc; i++)
		printf("[%s]", argv[i]);
	fflush(stdout);
	_exit(EX_OK);
}

static int
run(bool permute, const char *const *words, char *said, size_t cap)
{
	char *argv[8] = { (char[]){ "opt" } };
	int fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	for (size_t i = 0; words[i] != NULL; i++)
		argv[i + 1] = strdup(words[i]);
	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	if ((pid = fork()) == 0)
		child(fds[1], permute, argv);
	close(fds[1]);
	while (
	    len < cap - 1 && (n = read(fds[0], said + len, cap - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	close(fds[0]);
	for (size_t i = 0; words[i] != NULL; i++)
		free(argv[i + 1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
taken(void **state)
{
	static const struct {
		const char *words[6];
		bool permute;
		const char *want;
	} cases[] = {
		{ { NULL }, false, "" },
		{ { "-v", "-c", "3", "url" }, false, "v c=3 [url]" },
		{ { "-vc3", "--", "-v" }, false, "v c=3 [-v]" },
		{ { "--count=3", "--verbose" }, false, "c=3 v " },
		{ { "--count", "3", "--gap", "--count" }, false,
		    "c=3 gap=--count " },
		{ { "url", "-v" }, false, "[url][-v]" },
		{ { "url", "-v" }, true, "[url]v " },
		{ { "url", "--verbose", "-" }, true, "[url]v [-]" },
		{ { "url", "--", "-v" }, true, "[url][-v]" },
		{ { "-s", "4k", "-t", "2.5s" }, false, "s=4096 t=2500 " },
		{ { "-t3" }, false, "t=3000 " },
		/* A whole name is none that was cut short. */
		{ { "--verbatim" }, false, "verbatim " },
	};
	char said[4096];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		assert_int_equal(
		    run(cases[i].permute, cases[i].words, said, sizeof(said)),
		    EX_OK);
		assert_string_equal(said, cases[i].want);
	}
}

static void
refused(void **state)
{
	static const struct {
		const char *words[4], *why;
	} cases[] = {
		{ { "-x" }, "unknown option -x" },
		{ { "-vx" }, "unknown option -x" },
		{ { "--nope" }, "unknown option --nope" },
		{ { "--nope=1" }, "unknown option --nope" },
		{ { "--cou", "3" }, "unknown option --cou (is it --count?)" },
		{ { "--cou=3" }, "unknown option --cou (is it --count?)" },
		{ { "--verb" }, "unknown option --verb" },
		{ { "-c" }, "option -c needs an argument" },
		{ { "--count" }, "option --count needs an argument" },
		{ { "--verbose=1" }, "option --verbose takes no argument" },
		{ { "-h", "host" }, "-h stands alone" },
		{ { "-hhost" }, "-h stands alone" },
		{ { "-v", "-h" }, "-h stands alone" },
		{ { "--help", "x" }, "-h stands alone" },
		{ { "-V", "-v" }, "-V stands alone" },
		{ { "-c", "x" }, "-c x is invalid (1 to 9)" },
		{ { "-c", "0" }, "-c 0 is too small (1 to 9)" },
		{ { "-c", "10" }, "-c 10 is too large (1 to 9)" },
		{ { "-c", "" }, "-c  is invalid (1 to 9)" },
		{ { "-s", "4097" }, "-s 4097 is too large" },
		{ { "-s", "1kb" }, "-s 1kb is invalid" },
		{ { "-t", "10" }, "-t 10 is too large" },
		{ { "-t", "1w" }, "-t 1w is invalid" },
		{ { "-t", "-1" }, "-t -1 is invalid" },
	};
	char said[4096], want[256];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		assert_int_equal(
		    run(false, cases[i].words, said, sizeof(said)), EX_USAGE);
		snprintf(want, sizeof(want), "opt: %s", cases[i].why);
		if (strncmp(said, want, strlen(want)) != 0)
			fail_msg("%s: %s", want, said);
		if (strstr(said, "\nTry: opt --help\n") == NULL)
			fail_msg("%s: no remedy", said);
	}
}

static void
help(void **state)
{
	static const char *const words[][2] = { { "-h" }, { "--help" } };
	char said[4096];

	(void)state;
	for (size_t i = 0; i < nitems(words); i++) {
		assert_int_equal(
		    run(false, words[i], said, sizeof(said)), EX_OK);
		assert_memory_equal(
		    said, "usage: opt [options] url\nTry options.\n\n", 39);
		assert_non_null(strstr(
		    said, "\n  -c, --count number        how many (1)\n"));
		assert_non_null(strstr(
		    said, "\n      --gap what            warn or fail\n"));
		assert_non_null(strstr(said, "\nManual: man opt\n"));
	}
}

/* Help that could not be written must not look like success. */
static void
help_to_full_disk(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	fflush(NULL);
	if ((pid = fork()) == 0) {
		struct opts o = { table, nitems(table), "", "", false };
		char *argv[] = { (char[]){ "opt" }, (char[]){ "-h" }, NULL };

		if (freopen("/dev/full", "w", stdout) == NULL ||
		    freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		optind = 0;
		(void)opt_next(&o, 2, argv);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), EX_IOERR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
		cmocka_unit_test(help),
		cmocka_unit_test(help_to_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
