/*
 * Publishing: one event by one process, a pipe of a million short lines into
 * Redis and into sse-serve, beside what comes with Redis, on the same Redis.
 * All take turns, and ratios are of one round.  What stands behind it in each
 * line is what the figure is to reach.
 *
 * usage: pub [-d directory] [-n rounds] [-e events]
 */
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "kit/figures.h"
#include "kit/redis.h"
#include "kit/server.h"
#include "kit/stamp.h"

#define ARGS_MAX 32
#define SHOTS 100
#define SCRIPT_CALLS 5 /* a fifth of the events, for it takes long */

/* A command that is measured, and its figures. */
struct contender {
	const char *name;
	char *argv[ARGS_MAX];
	const char *input;  /* a file */
	double events;      /* that a run publishes */
	int times;          /* a round */
	struct figure rate; /* events a second */
	long peak_kb;
};

enum {
	SHOT,
	SHOT_CLI,
	PIPE,
	PIPE_SCRIPT,
	RAW,
	RAW_BENCHMARK,
	POST,
	CONTENDERS
};

static void
run_once(struct contender *c)
{
	posix_spawn_file_actions_t files;
	struct rusage usage;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(
	    &files, STDIN_FILENO, c->input, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(
	    &files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, c->argv[0], &files, NULL, c->argv, environ) != 0)
		errx(EX_UNAVAILABLE, "%s cannot be run", c->argv[0]);
	posix_spawn_file_actions_destroy(&files);
	if (wait4(pid, &status, 0, &usage) != pid || status != 0)
		errx(EX_SOFTWARE, "%s failed", c->name);
	if (usage.ru_maxrss > c->peak_kb)
		c->peak_kb = usage.ru_maxrss;
}

static void
run(struct contender *c)
{
	double begun = stamp_now_s();

	for (int i = 0; i < c->times; i++)
		run_once(c);
	figure_add(&c->rate, c->events * c->times / (stamp_now_s() - begun));
}

/* The words of text, which is kept, as arguments; '' is an empty one. */
static void
words(struct contender *c, char *text)
{
	size_t n = 0;

	if (text == NULL)
		err(EX_SOFTWARE, NULL);
	for (char *w; (w = strsep(&text, " ")) != NULL && n < ARGS_MAX - 1;)
		c->argv[n++] = strcmp(w, "''") == 0 ? "" : w;
	c->argv[n] = NULL;
}

static char *__attribute__((format(printf, 1, 2))) format(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) == -1)
		err(EX_SOFTWARE, NULL);
	va_end(ap);
	return s;
}

/* Have Redis know the script; its digest. */
static char *
load_script(const struct redis *r, char digest[41])
{
	char *command = format("redis-cli -p %d -x SCRIPT LOAD "
			       "<lib/tool/publish.lua",
	    r->port);
	FILE *f = popen(command, "r");

	if (f == NULL || fscanf(f, "%40s", digest) != 1)
		errx(EX_SOFTWARE, "the script cannot be loaded");
	pclose(f);
	free(command);
	return digest;
}

static void
write_lines(const char *path, long n)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		err(EX_CANTCREAT, "%s", path);
	for (long i = 1; i <= n; i++)
		fprintf(f, "%ld\n", i);
	if (fclose(f) != 0)
		err(EX_IOERR, "%s", path);
}

static void
set_up(struct contender *c, const struct redis *r, const struct server *serve,
    const char *input, long n)
{
	char digest[41];
	const char *null = "/dev/null";
	long calls = n / SCRIPT_CALLS;

	load_script(r, digest);
	c[SHOT] = (struct contender){ .name = "sse-pub news hello",
		.input = null,
		.events = 1,
		.times = SHOTS };
	words(&c[SHOT], format("build/sse-pub -r %s news hello", r->url));
	c[SHOT_CLI] = (struct contender){
		.name = "redis-cli publish news hello",
		.input = null,
		.events = 1,
		.times = SHOTS
	};
	words(&c[SHOT_CLI],
	    format("redis-cli -p %d publish news hello", r->port));
	c[PIPE] = (struct contender){ .name = "sse-pub, a pipe",
		.input = input,
		.events = (double)n,
		.times = 1 };
	words(&c[PIPE], format("build/sse-pub -r %s bench", r->url));
	c[PIPE_SCRIPT] = (struct contender){
		.name = "redis-benchmark -P 64, EVALSHA of one event",
		.input = null,
		.events = (double)calls,
		.times = 1
	};
	words(&c[PIPE_SCRIPT],
	    format(
		"redis-benchmark -p %d -q -P 64 -n %ld EVALSHA %s 3 sse:last "
		"sse:birth sse:log:bench 1000 3600000 1 0 86400000 '' "
		"3600000 '' '' 1 0 '' 1 data 1234567",
		r->port, calls, digest));
	c[RAW] = (struct contender){ .name = "sse-pub --raw, a pipe",
		.input = input,
		.events = (double)n,
		.times = 1 };
	words(&c[RAW], format("build/sse-pub -r %s --raw bench", r->url));
	c[RAW_BENCHMARK] = (struct contender){
		.name = "redis-benchmark -P 256, PUBLISH",
		.input = null,
		.events = (double)n,
		.times = 1
	};
	words(&c[RAW_BENCHMARK],
	    format("redis-benchmark -p %d -q -P 256 -n %ld PUBLISH sse:bench "
		   "1234567",
		r->port, n));
	c[POST] = (struct contender){ .name = "sse-pub -u, a pipe",
		.input = input,
		.events = (double)n,
		.times = 1 };
	words(&c[POST],
	    format("build/sse-pub -u http://127.0.0.1:%d bench", serve->port));
}

static void
tell(const struct contender *c, const struct contender *base, bool inverse,
    const char *goal)
{
	double rate = figure_median(&c->rate);

	if (c->events <= 1)
		printf("%-44s %9.3f ms", c->name, 1000 / rate);
	else
		printf("%-44s %9.0f events/s", c->name, rate);
	if (base != NULL)
		printf("  x %.2f",
		    inverse ? figure_ratio(&base->rate, &c->rate)
			    : figure_ratio(&c->rate, &base->rate));
	printf("  +-%.0f %%", figure_spread(&c->rate) / 2);
	if (goal != NULL)
		printf("  %.1f MB  (%s)", (double)c->peak_kb / 1024, goal);
	printf("\n");
}

static void
tell_all(const struct contender *c)
{
	tell(&c[SHOT_CLI], NULL, false, NULL);
	tell(&c[SHOT], &c[SHOT_CLI], true, "at most x 0.60, 10 MB");
	tell(&c[PIPE_SCRIPT], NULL, false, NULL);
	tell(&c[PIPE], &c[PIPE_SCRIPT], false, "300000, at least x 0.80");
	tell(&c[RAW_BENCHMARK], NULL, false, NULL);
	tell(&c[RAW], &c[RAW_BENCHMARK], false, "at least x 1.00");
	tell(&c[POST], NULL, false, "300000, at most 10 MB");
}

int
main(int argc, char **argv)
{
	static const char *const options[] = { "-w", "1", "--open-publish",
		NULL };
	struct contender c[CONTENDERS];
	const char *dir = "build/bench-data";
	long events = 1000000;
	int rounds = 7, opt;
	struct server serve;
	struct redis r;
	char *input;

	while ((opt = getopt(argc, argv, "d:e:n:")) != -1) {
		if (opt == 'd')
			dir = optarg;
		else if (opt == 'e')
			events = (long)strtonum(optarg, 1000, 100000000, NULL);
		else if (opt == 'n')
			rounds = (int)strtonum(optarg, 1, ROUNDS_MAX, NULL);
		else
			errx(EX_USAGE,
			    "usage: pub [-d dir] [-e events] "
			    "[-n rounds]");
	}
	if (rounds == 0 || events == 0)
		errx(EX_USAGE, "rounds or events are out of bounds");
	printf(
	    "A pipe of %ld short lines, %d shots; the median of %d rounds, in "
	    "which all took turns.\n",
	    events, SHOTS, rounds);
	input = format("%s/lines", dir);
	write_lines(input, events);
	redis_start(&r);
	server_sse(&serve, options);
	set_up(c, &r, &serve, input, events);
	for (int i = -1; i < rounds; i++)
		for (int k = 0; k < CONTENDERS; k++) {
			run(&c[k]);
			if (i == -1)
				c[k].rate.n = 0; /* to warm up */
		}
	tell_all(c);
	server_stop(&serve);
	redis_stop(&r);
	unlink(input);
	free(input);
	return 0;
}
