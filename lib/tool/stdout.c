#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "interrupt.h"
#include "stdout.h"

#define LAST_WAIT_MS 1000

void
stdout_open(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	/*
	 * The lowest free descriptor is what open() takes.  One that cannot be
	 * used as what it stands for keeps saying so.
	 */
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null",
			fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(EX_SOFTWARE);
}

static const char *name = "standard output";

void
stdout_is(const char *file)
{
	name = file;
}

const char *
stdout_name(void)
{
	return name;
}

/*
 * Wait until some of it can be written.  False: there has been a signal, and
 * the reader takes nothing more.
 */
static bool
writable(int timeout_ms)
{
	struct pollfd p = { STDOUT_FILENO, POLLOUT, 0 };
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n == -1 && errno == EINTR && interrupt_signal() == 0);
	return n != 0;
}

static _Noreturn void
end(int fault, void (*gone)(void *), void *arg)
{
	if (gone != NULL)
		gone(arg);
	if (fault == EPIPE || fault == ECONNRESET)
		exit(EX_OK);
	errno = fault;
	err(EX_IOERR, "%s", name);
}

bool
stdout_write(const void *p, size_t len, void (*gone)(void *), void *arg)
{
	const char *s = p;

	while (len > 0) {
		size_t piece = len;
		ssize_t n;

		if (interrupt_signal() != 0) {
			/* So much fits, when poll() says that any does. */
			piece = len < PIPE_BUF ? len : PIPE_BUF;
			if (!writable(LAST_WAIT_MS))
				return false;
		}
		n = write(STDOUT_FILENO, s, piece);
		if (n >= 0) {
			s += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			/* Someone else made it non-blocking. */
			if (interrupt_signal() == 0)
				(void)writable(-1);
		} else if (errno != EINTR)
			end(errno, gone, arg);
	}
	return true;
}

bool
stdout_has_gone(short revents)
{
	return (revents & (POLLERR | POLLHUP)) != 0;
}
