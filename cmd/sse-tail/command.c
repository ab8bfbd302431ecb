#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include "command.h"
#include "command_env.h"
#include "interrupt.h"
#include "units.h"

#define SHELL "/bin/sh"
#define AGAIN_MS INT64_C(100) /* before the first retry; doubled for each */
#define AGAIN_MAX_MS INT64_C(60000)
#define GRACE_MS INT64_C(5000) /* between a signal and SIGKILL */

/* A file without a name, so that a command need not read all of it, or any. */
static int
data_file(struct sse_text data)
{
	int fd = memfd_create("event", MFD_CLOEXEC);
	const char *p = data.ptr;
	ssize_t n;

	if (fd == -1)
		return -1;
	for (size_t left = data.len; left > 0; left -= (size_t)n) {
		if ((n = write(fd, p, left)) == -1) {
			(void)close(fd);
			return -1;
		}
		p += n;
	}
	if (lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* 0, or an errno. */
static int
spawn(pid_t *pid, const char *text, int in, char **env)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, NULL, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t pipe;
	int r;

	if ((argv[2] = strdup(text)) == NULL)
		return ENOMEM;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	if ((r = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO)) ==
		0 &&
	    (r = posix_spawnattr_setflags(
		 &attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF)) == 0 &&
	    (r = posix_spawnattr_setsigdefault(&attr, &pipe)) == 0)
		r = posix_spawn(pid, SHELL, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	free(argv[2]);
	return r;
}

static void
wait_ms(const struct command_conf *conf, int64_t until_ms)
{
	struct pollfd p = { interrupt_fd(), POLLIN, 0 };
	int64_t left = INT64_MAX;

	if (until_ms != INT64_MAX) {
		left = until_ms - clock_mono_ms();
		if (left < 0)
			left = 0;
	}
	conf->wait(conf->arg, &p, 1,
	    left == INT64_MAX      ? -1
		: left > INT32_MAX ? INT32_MAX
				   : (int)left);
}

/* Wait for its end; signals and a time that is up end it. */
static bool
await(const struct command_conf *conf, pid_t pid, int *status)
{
	int64_t end_ms = conf->timeout_ms == 0
	    ? INT64_MAX
	    : clock_mono_ms() + conf->timeout_ms;
	bool late = false, told = false;
	int sig = SIGTERM;

	for (;;) {
		(void)interrupt_woken(SIGCHLD);
		if (waitpid(pid, status, WNOHANG) == pid)
			return late;
		if (interrupt_signal() != 0 && !told) {
			told = true;
			(void)kill(-pid, interrupt_signal());
			sig = SIGKILL;
			end_ms = clock_mono_ms() + GRACE_MS;
		} else if (clock_mono_ms() >= end_ms) {
			late = true;
			(void)kill(-pid, sig);
			sig = SIGKILL;
			end_ms = clock_mono_ms() + GRACE_MS;
		}
		wait_ms(conf, end_ms);
	}
}

static int
run_once(const struct command_conf *conf, struct sse_text data, char **env,
    char *fault, size_t cap)
{
	int in = data_file(data), status = 0, r;
	pid_t pid = -1;

	r = in == -1 ? errno : spawn(&pid, conf->text, in, env);
	if (in != -1)
		(void)close(in);
	if (r != 0) {
		snprintf(fault, cap, "%s", strerror(r));
		return -1;
	}
	if (await(conf, pid, &status)) {
		/* Whoever ignored the first signal is not left behind. */
		(void)kill(-pid, SIGKILL);
		snprintf(fault, cap, "it took longer than %lld ms",
		    (long long)conf->timeout_ms);
		return -1;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		snprintf(fault, cap, "exit status %d", WEXITSTATUS(status));
	else
		snprintf(fault, cap, "signal %d", WTERMSIG(status));
	return -1;
}

/* Before the next run.  False: a signal came. */
static bool
pause_ms(const struct command_conf *conf, int64_t ms)
{
	int64_t until_ms = clock_mono_ms() + ms;

	while (interrupt_signal() == 0 && clock_mono_ms() < until_ms) {
		(void)interrupt_woken(SIGCHLD);
		wait_ms(conf, until_ms);
	}
	return interrupt_signal() == 0;
}

int
command_run(const struct command_conf *conf, struct sse_text data,
    const struct command_event *ev, char *fault, size_t cap)
{
	char **env = command_env(ev, conf->secret);
	int64_t again_ms = AGAIN_MS;
	int r = -1;

	if (env == NULL) {
		snprintf(fault, cap, "%s", strerror(ENOMEM));
		return -1;
	}
	for (unsigned int i = 0; i <= conf->retries; i++) {
		if (i > 0 && !pause_ms(conf, again_ms))
			break;
		if (i > 0 && (again_ms *= 2) > AGAIN_MAX_MS)
			again_ms = AGAIN_MAX_MS;
		if ((r = run_once(conf, data, env, fault, cap)) == 0)
			break;
	}
	command_env_free(env);
	return r;
}
