#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sysexits.h>

#include "listener_inner.h"

int
listener_open(struct listeners *ls, const struct listener_addr *a,
    const struct listener_how *how, char fault[static LISTENER_FAULT_MAX])
{
	struct listener_opening o = { ls, a, how, fault };

	return a->kind == LISTENER_UNIX ? listener_unix_open(&o)
					: listener_inet_open(&o);
}

static bool
listens(int fd)
{
	int type = 0, listening = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
	    type == SOCK_STREAM && listening;
}

static int
adopt(const struct listener_opening *o, struct listener *l,
    const struct sockaddr *sa)
{
	const struct sockaddr_un *un = (const void *)sa;
	char where[LISTENER_INET_LEN];

	l->is_unix = sa->sa_family == AF_UNIX;
	if (l->is_unix)
		return listener_append(o, *l, "unix:", un->sun_path);
	listener_inet_format(sa, where);
	return listener_append(o, *l, "http://", where);
}

int
listener_adopt(struct listeners *ls, int fd, bool admin, const char *who,
    char fault[static LISTENER_FAULT_MAX])
{
	struct listener_how how = { .admin = admin };
	struct listener_opening o = { ls, NULL, &how, fault };
	struct listener l = { .fd = fd, .passed = true };
	struct sockaddr_storage at = { 0 };
	struct sockaddr *sa = (void *)&at;
	socklen_t len = sizeof(at) - 1; /* a path may come without its NUL */
	bool inet;

	if (!listens(fd) || getsockname(fd, sa, &len) == -1)
		return listener_fail(
		    &o, EX_USAGE, "%s: it is no socket that listens", who);
	inet = sa->sa_family == AF_INET || sa->sa_family == AF_INET6;
	if (!inet && sa->sa_family != AF_UNIX)
		return listener_fail(&o, EX_USAGE,
		    "%s: it is neither of TCP nor a Unix socket", who);
	if (admin && inet && !listener_inet_is_loopback(sa))
		return listener_fail(&o, EX_USAGE,
		    "%s: administration must be on a loopback address or a "
		    "Unix socket, for who reaches it may do everything",
		    who);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) == -1 || adopt(&o, &l, sa) != 0)
		return listener_fail(
		    &o, EX_SOFTWARE, "%s: %s", who, strerror(errno));
	return 0;
}
