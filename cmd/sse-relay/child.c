#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "units.h"

#define READ_BYTES ((size_t)65536)
#define REAP_MS 1000 /* from the end of its output to its own */

struct child {
	pid_t pid;
	int to, from;       /* -1: closed */
	struct sse_buf out; /* lines to be written, from out_at on */
	size_t out_at;
	struct sse_buf in; /* what came, from in_at on */
	size_t in_at;
	size_t in_seen; /* up to there, no line ends behind in_at */
	bool ended;     /* nothing more comes */
	bool closing;   /* nothing more is to be sent */
};

/* The child: only its three descriptors, and signals as they were. */
_Noreturn static void
run(const char *command, int in, int out)
{
	sigset_t none;

	(void)setpgid(0, 0);
	(void)signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, STDIN_FILENO) == -1 || dup2(out, STDOUT_FILENO) == -1)
		_exit(126);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int
start(struct child *c, const char *command)
{
	int to[2], from[2], saved;

	if (pipe2(to, O_CLOEXEC) == -1)
		return -1;
	if (pipe2(from, O_CLOEXEC) == -1)
		goto close_to;
	if ((c->pid = fork()) == -1)
		goto close_from;
	if (c->pid == 0)
		run(command, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	c->to = to[1];
	c->from = from[0];
	/* Our ends alone: the others have descriptions of their own. */
	return fcntl(c->to, F_SETFL, O_NONBLOCK) == -1 ||
		fcntl(c->from, F_SETFL, O_NONBLOCK) == -1
	    ? -1
	    : 0;
close_from:
	saved = errno;
	close(from[0]);
	close(from[1]);
	errno = saved;
close_to:
	saved = errno;
	close(to[0]);
	close(to[1]);
	errno = saved;
	return -1;
}

struct child *
child_new(const char *command)
{
	struct child *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->to = c->from = -1;
	if (start(c, command) == 0)
		return c;
	child_free(c);
	return NULL;
}

static void
shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

void
child_free(struct child *c)
{
	if (c == NULL)
		return;
	/* It sees the end of its input, and is not waited for. */
	shut(&c->to);
	shut(&c->from);
	sse_buf_free(&c->out);
	sse_buf_free(&c->in);
	free(c);
}

bool
child_takes(const struct child *c)
{
	return c->to != -1;
}

struct sse_buf *
child_out(struct child *c)
{
	return &c->out;
}

size_t
child_unsent(const struct child *c)
{
	return c->out.len - c->out_at;
}

size_t
child_unread(const struct child *c)
{
	return c->in.len - c->in_at;
}

bool
child_ended(const struct child *c)
{
	return c->ended;
}

void
child_close(struct child *c)
{
	c->closing = true;
	child_feed(c);
}

bool
child_closed(const struct child *c)
{
	return c->closing;
}

void
child_poll(const struct child *c, struct pollfd *p, bool reading)
{
	bool writing = c->to != -1 && child_unsent(c) > 0;

	p[0] = (struct pollfd){ writing ? c->to : -1, POLLOUT, 0 };
	p[1] = (struct pollfd){ reading ? c->from : -1, POLLIN, 0 };
}

/* As far as the pipe takes it. */
void
child_feed(struct child *c)
{
	while (c->to != -1 && c->out_at < c->out.len) {
		ssize_t n = write(
		    c->to, c->out.ptr + c->out_at, c->out.len - c->out_at);

		if (n == -1 && errno == EINTR)
			continue;
		/* That it has gone is seen at the other pipe. */
		if (n == -1 && errno != EAGAIN)
			shut(&c->to);
		if (n == -1)
			return;
		c->out_at += (size_t)n;
	}
	c->out.len = c->out_at = 0;
	if (c->closing)
		shut(&c->to);
}

/* What has come of its answers, up to the longest line there may be. */
int
child_drain(struct child *c)
{
	ssize_t n;

	if (c->in_at > 0) {
		memmove(c->in.ptr, c->in.ptr + c->in_at, c->in.len - c->in_at);
		c->in.len -= c->in_at;
		c->in_at = 0;
	}
	if (sse_buf_reserve(&c->in, READ_BYTES) == -1)
		return -1;
	do
		n = read(c->from, c->in.ptr + c->in.len, READ_BYTES);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		c->in.len += (size_t)n;
	c->ended = n == 0 || (n == -1 && errno != EAGAIN);
	return n > 0 ? 1 : 0;
}

/* The next line of what has come.  Returns whether it is whole. */
bool
child_line(struct child *c, struct sse_text *t)
{
	const char *from = c->in.ptr + c->in_at, *lf;
	size_t seen = c->in_seen, left = c->in.len - c->in_at;

	if (left <= seen)
		return false;
	lf = memchr(from + seen, '\n', left - seen);
	c->in_seen = left;
	if (lf == NULL)
		return false;
	*t = (struct sse_text){ from, (size_t)(lf - from) };
	c->in_at += t->len + 1;
	c->in_seen = 0;
	if (t->len > 0 && t->ptr[t->len - 1] == '\r')
		t->len--;
	return true;
}

/* How it ended; false when it lives on without an output. */
bool
child_reap(struct child *c, int *status)
{
	int64_t until_ms = clock_mono_ms() + REAP_MS;
	pid_t pid;

	shut(&c->to);
	while ((pid = waitpid(c->pid, status, WNOHANG)) != c->pid) {
		if ((pid == -1 && errno != EINTR) ||
		    clock_mono_ms() >= until_ms)
			return false;
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	return true;
}
