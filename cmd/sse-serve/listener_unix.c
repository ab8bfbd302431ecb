#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "listener_inner.h"

/* Bind with the mode from the first moment on.  Threads come later. */
static int
bind_unix(
    const struct listener_opening *o, int fd, const struct sockaddr_un *un)
{
	mode_t before = umask(~o->how->mode & 0777);
	int status = bind(fd, (const void *)un, sizeof(*un));
	int error = errno;

	umask(before);
	errno = error;
	return status;
}

/* Is there a Unix socket at the path that nobody answers on? */
static bool
is_stale(const struct sockaddr_un *un)
{
	struct stat st;
	int fd, error;

	if (lstat(un->sun_path, &st) == -1 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return false;
	error = connect(fd, (const void *)un, sizeof(*un)) == -1 ? errno : 0;
	close(fd);
	return error == ECONNREFUSED;
}

static int
fail_unix(const struct listener_opening *o, int error)
{
	struct stat st;

	if (error == EADDRINUSE && lstat(o->a->path, &st) == 0 &&
	    !S_ISSOCK(st.st_mode))
		return listener_fail(o, EX_CANTCREAT,
		    "listen address %s: there is a file that is no socket",
		    o->a->text);
	if (error == EADDRINUSE)
		return listener_fail(o, EX_UNAVAILABLE,
		    "listen address %s: another program listens on it",
		    o->a->text);
	return listener_fail(o, EX_CANTCREAT, "listen address %s: %s",
	    o->a->text, strerror(error));
}

int
listener_unix_open(const struct listener_opening *o)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct listener l = { .is_unix = true };
	struct stat st;
	int error;

	strlcpy(un.sun_path, o->a->path, sizeof(un.sun_path));
	l.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l.fd == -1)
		return fail_unix(o, errno);
	if (bind_unix(o, l.fd, &un) == -1 &&
	    (errno != EADDRINUSE || !is_stale(&un) ||
		unlink(un.sun_path) == -1 || bind_unix(o, l.fd, &un) == -1)) {
		error = errno;
		listener_shut(&l);
		return fail_unix(o, error);
	}
	/* In full, so that it is found wherever the program goes. */
	if (listen(l.fd, LISTENER_BACKLOG) == -1 ||
	    lstat(un.sun_path, &st) == -1 ||
	    (l.path = realpath(un.sun_path, NULL)) == NULL) {
		error = errno;
		unlink(un.sun_path);
		listener_shut(&l);
		return fail_unix(o, error);
	}
	l.dev = st.st_dev;
	l.ino = st.st_ino;
	error = listener_append(o, l, "unix:", l.path);
	return error == 0 ? 0 : fail_unix(o, error);
}
