#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "command.h"
#include "event.h"
#include "lines.h"
#include "units.h"

#define READ_BYTES ((size_t)64 << 10)
#define BUFFER_MAX ((size_t)2 << 20) /* of events that are not taken yet */
#define AFTER_MS 1000 /* a grandchild may still write after the command */
#define WAIT_MS 10
#define PATIENCE_MS 1000 /* in all, until nothing waits any more */
#define DISK_MS 10000
#define CANNOT_RUN 126
#define NOT_FOUND 127

static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1,
	SIGUSR2, SIGCONT };

/* A pipe of the command's output. */
struct output {
	int fd;      /* -1: at its end */
	int through; /* where it is passed on to; -1: nowhere */
	struct lines lines;
};

struct command {
	const struct command_conf *conf;
	struct output out, err;
	int signals;     /* signalfd */
	int to;          /* the publisher's pipe; -1: it has gone */
	pid_t publisher; /* process */
	pid_t pid;       /* of the command; 0: it has ended */
	int status;      /* as a shell gives it */
	int signal;      /* that ended it, or 0 */
	struct rusage usage;
	int64_t begun_ms;
	int64_t ended_ms;
	struct sse_buf buf; /* events for the publisher, from sent on */
	size_t sent;
	int64_t patience_ms;   /* that the command may still be held up */
	struct sigaction pipe; /* what SIGPIPE does to the command */
};

/* The signals that we take note of, blocked. */
static int
open_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(&set, forwarded[i]);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The process that publishes what comes by the pipe. */
static void
start_publisher(struct command *c)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		err(EX_SOFTWARE, "pipe");
	if ((c->publisher = fork()) == -1)
		err(EX_SOFTWARE, "fork");
	if (c->publisher == 0) {
		sigset_t usr1;

		/* What is meant for the command is not for this one. */
		close(c->signals);
		close(ends[1]);
		sigemptyset(&usr1);
		sigaddset(&usr1, SIGUSR1);
		sigprocmask(SIG_UNBLOCK, &usr1, NULL);
		exit(c->conf->publish(ends[0], c->conf->arg));
	}
	close(ends[0]);
	c->to = ends[1];
	if (fcntl(c->to, F_SETFL, O_NONBLOCK) == -1)
		err(EX_SOFTWARE, "fcntl");
}

static _Noreturn void
exec(const struct command *c, int out, int errors, int told,
    const sigset_t *mask)
{
	if (dup2(out, STDOUT_FILENO) == -1 || dup2(errors, STDERR_FILENO) == -1)
		_exit(CANNOT_RUN);
	sigaction(SIGPIPE, &c->pipe, NULL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(c->conf->argv[0], c->conf->argv);
	(void)!write(told, &errno, sizeof(errno));
	_exit(errno == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

/* Start the command; it is said when it cannot be. */
static void
start(struct command *c, const sigset_t *mask)
{
	int out[2], errors[2], told[2], why;

	if (pipe2(out, O_CLOEXEC) == -1 || pipe2(errors, O_CLOEXEC) == -1 ||
	    pipe2(told, O_CLOEXEC) == -1)
		err(EX_SOFTWARE, "pipe");
	c->begun_ms = clock_mono_ms();
	if ((c->pid = fork()) == -1)
		err(EX_SOFTWARE, "fork");
	if (c->pid == 0)
		exec(c, out[1], errors[1], told[1], mask);
	close(out[1]);
	close(errors[1]);
	close(told[1]);
	if (read(told[0], &why, sizeof(why)) == sizeof(why)) {
		errno = why;
		warn("%s", c->conf->argv[0]);
	}
	close(told[0]);
	c->out.fd = out[0];
	c->err.fd = errors[0];
}

/* Write what the publisher's pipe takes. */
static void
feed_publisher(struct command *c)
{
	while (c->to != -1 && c->sent < c->buf.len) {
		ssize_t n = write(
		    c->to, c->buf.ptr + c->sent, c->buf.len - c->sent);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1) {
			close(c->to); /* it has said why */
			c->to = -1;
			break;
		}
		c->sent += (size_t)n;
	}
	if (c->sent == c->buf.len || c->to == -1)
		c->buf.len = c->sent = 0;
}

/* Wait for room until it is there or *left_ms are used up. */
static bool
await_room(struct command *c, int64_t *left_ms)
{
	struct pollfd p = { .events = POLLOUT };
	int64_t since_ms = clock_mono_ms(), now_ms;

	while (
	    c->to != -1 && c->buf.len - c->sent >= BUFFER_MAX && *left_ms > 0) {
		p.fd = c->to;
		(void)poll(&p, 1, (int)*left_ms);
		feed_publisher(c);
		now_ms = clock_mono_ms();
		*left_ms -= now_ms - since_ms;
		since_ms = now_ms;
	}
	return c->to != -1 && c->buf.len - c->sent < BUFFER_MAX;
}

/*
 * Is there room for more?  The command may be held up for a moment.  Then the
 * publisher is to put what it has into the spool, which is quick, so that it
 * can be waited for; without a spool, what comes is lost.
 */
static bool
has_room(struct command *c)
{
	int64_t disk_ms = DISK_MS;

	if (await_room(c, &c->patience_ms))
		return true;
	if (!c->conf->spooled || c->to == -1)
		return false;
	kill(c->publisher, SIGUSR1);
	return await_room(c, &disk_ms);
}

/* What was sent makes room. */
static void
compact(struct command *c)
{
	if (c->buf.len == 0)
		c->patience_ms = PATIENCE_MS;
	if (c->sent == 0 || c->sent < c->buf.len / 2)
		return;
	memmove(c->buf.ptr, c->buf.ptr + c->sent, c->buf.len - c->sent);
	c->buf.len -= c->sent;
	c->sent = 0;
}

static void
write_through(struct output *o, const char *p, size_t len)
{
	struct pollfd writable = { .fd = o->through, .events = POLLOUT };

	while (o->through != -1 && len > 0) {
		ssize_t n = write(o->through, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN) {
			(void)poll(&writable, 1, -1);
			continue;
		}
		if (n == -1) {
			o->through = -1; /* its reader has gone */
			return;
		}
		p += n;
		len -= (size_t)n;
	}
}

static void
read_output(struct command *c, struct output *o)
{
	static char buf[READ_BYTES];
	ssize_t n = read(o->fd, buf, sizeof(buf));

	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close(o->fd);
		o->fd = -1;
		return;
	}
	write_through(o, buf, (size_t)n);
	if (!has_room(c))
		lines_lose(&o->lines, buf, (size_t)n);
	else if (lines_take(&o->lines, &c->buf, buf, (size_t)n) == -1)
		err(EX_SOFTWARE, NULL);
	feed_publisher(c);
	compact(c);
}

/*
 * One that the terminal sent, the command got from there.  Returns whether one
 * that ends programs has come.
 */
static bool
read_signals(struct command *c)
{
	struct signalfd_siginfo si;
	bool ends = false;

	while (read(c->signals, &si, sizeof(si)) == sizeof(si)) {
		ends = ends || si.ssi_signo == SIGHUP ||
		    si.ssi_signo == SIGINT || si.ssi_signo == SIGQUIT ||
		    si.ssi_signo == SIGTERM;
		if (si.ssi_signo != SIGCHLD && si.ssi_code != SI_KERNEL &&
		    c->pid > 0)
			kill(c->pid, (int)si.ssi_signo);
	}
	return ends;
}

static void
reap(struct command *c)
{
	int status;

	if (c->pid == 0 || wait4(c->pid, &status, WNOHANG, &c->usage) != c->pid)
		return;
	c->pid = 0;
	c->ended_ms = clock_mono_ms();
	c->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	c->status = c->signal != 0 ? 128 + c->signal : WEXITSTATUS(status);
}

/* Until when there may be output; -1: as long as the command runs. */
static int
patience(const struct command *c)
{
	int64_t left_ms;

	if (c->pid != 0)
		return -1;
	left_ms = c->ended_ms + AFTER_MS - clock_mono_ms();
	return left_ms > 0 ? (int)left_ms : 0;
}

/* The output, until the command has ended, and it too. */
static void
follow(struct command *c)
{
	while (c->pid != 0 ||
	    ((c->out.fd != -1 || c->err.fd != -1) && patience(c) > 0)) {
		struct pollfd p[] = {
			{ .fd = c->out.fd, .events = POLLIN },
			{ .fd = c->err.fd, .events = POLLIN },
			{ .fd = c->signals, .events = POLLIN },
			{ .fd = c->sent < c->buf.len ? c->to : -1,
			    .events = POLLOUT },
		};

		if (poll(p, 4, patience(c)) == -1 && errno != EINTR)
			err(EX_SOFTWARE, "poll");
		if (p[2].revents != 0)
			(void)read_signals(c);
		if (p[0].revents != 0)
			read_output(c, &c->out);
		if (p[1].revents != 0)
			read_output(c, &c->err);
		if (p[3].revents != 0)
			feed_publisher(c);
		reap(c);
	}
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* The event that tells how it ended. */
static void
add_exit(struct command *c)
{
	struct event ev = EVENT_NONE;
	char json[256];
	int n = snprintf(json, sizeof(json),
	    "{\"status\":%d,\"signal\":%d,\"seconds\":%.3f,\"cpu\":%.3f,"
	    "\"memory\":%lld}",
	    c->status, c->signal, (double)(c->ended_ms - c->begun_ms) / 1000,
	    seconds(c->usage.ru_utime) + seconds(c->usage.ru_stime),
	    (long long)c->usage.ru_maxrss * 1024);

	ev.type = TEXT("exit");
	ev.data = (struct sse_text){ json, (size_t)n };
	ev.has_data = true;
	if (lines_end(&c->out.lines, &c->buf) == -1 ||
	    lines_end(&c->err.lines, &c->buf) == -1 ||
	    event_encode(&c->buf, &ev) == -1)
		err(EX_SOFTWARE, NULL);
}

/*
 * Give the publisher the rest, and await its end; what need not be waited for
 * waits no longer than a grandchild does, or than a signal allows, which finds
 * no command any more.
 */
static void
finish(struct command *c)
{
	int64_t hurry_ms = c->ended_ms + AFTER_MS;
	struct pollfd p = { .events = POLLOUT };
	unsigned long long lost = c->out.lines.lost + c->err.lines.lost;
	bool hurry = false;
	int status;

	while (waitpid(c->publisher, &status, WNOHANG) == 0) {
		feed_publisher(c);
		if (c->to != -1 && c->sent == c->buf.len) {
			close(c->to);
			c->to = -1;
		}
		p.fd = c->to;
		(void)poll(&p, 1, WAIT_MS);
		hurry = read_signals(c) || hurry ||
		    (c->conf->spooled && clock_mono_ms() >= hurry_ms);
		if (hurry)
			kill(c->publisher, SIGUSR1);
	}
	if (c->to != -1)
		close(c->to);
	if (lost > 0)
		warnx("%llu line%s not published", lost,
		    lost == 1 ? " was" : "s were");
}

int
command_run(const struct command_conf *conf)
{
	struct command c = { .conf = conf,
		.patience_ms = PATIENCE_MS,
		.out = { -1, conf->quiet ? -1 : STDOUT_FILENO,
		    { .type = "stdout", .max = conf->max_line } },
		.err = { -1, conf->quiet ? -1 : STDERR_FILENO,
		    { .type = "stderr", .max = conf->max_line } } };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t mask;

	sigaction(SIGPIPE, &ignore, &c.pipe); /* a write tells */
	if ((c.signals = open_signals(&mask)) == -1)
		err(EX_SOFTWARE, "signalfd");
	start_publisher(&c);
	start(&c, &mask);
	follow(&c);
	add_exit(&c);
	finish(&c);
	lines_free(&c.out.lines);
	lines_free(&c.err.lines);
	sse_buf_free(&c.buf);
	return c.status;
}
