#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "listener.h"

#define BACKLOG 4096  /* the kernel cuts it to its own bound */
#define PORT_TRIES 32 /* to find one that is free on both loopbacks */

/* A socket to be opened: what was typed, and where a fault is told. */
struct opening {
	struct listeners *ls;
	const struct listener_addr *a;
	const struct listener_how *how;
	char *fault;
};

static bool
port_parse(const char *s, char port[6])
{
	const char *errstr;

	if (*s == '\0' || s[strspn(s, "0123456789")] != '\0')
		return false;
	snprintf(port, 6, "%d", (int)strtonum(s, 0, 65535, &errstr));
	return errstr == NULL;
}

static int
parse_unix(struct listener_addr *a, const char *path, const char **fault)
{
	struct sockaddr_un un;

	a->kind = LISTENER_UNIX;
	a->path = path;
	if (*path == '\0') {
		*fault = "the path of the Unix socket is missing";
		return -1;
	}
	if (strlen(path) >= sizeof(un.sun_path)) {
		*fault = "the path of a Unix socket is at most 107 bytes long";
		return -1;
	}
	return 0;
}

int
listener_parse(struct listener_addr *a, const char *text, const char **fault)
{
	const char *colon = strrchr(text, ':'), *host = text;
	size_t len;

	*a = (struct listener_addr){ .kind = LISTENER_PORT, .text = text };
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(a, text + 5, fault);
	if (!port_parse(colon != NULL ? colon + 1 : text, a->port)) {
		*fault =
		    "it is PORT, HOST:PORT, [IPV6]:PORT or unix:PATH, with "
		    "a port up to 65535";
		return -1;
	}
	if (colon == NULL)
		return 0;
	a->kind = LISTENER_HOST;
	len = (size_t)(colon - text);
	if (len > 1 && text[0] == '[' && text[len - 1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(text, ':', len) != NULL) {
		*fault = "an IPv6 address goes in brackets: [::1]:8080";
		return -1;
	}
	if (len == 0) {
		*fault =
		    "the host is missing (*:PORT stands for all addresses)";
		return -1;
	}
	if (len >= sizeof(a->host)) {
		*fault = "the host is too long";
		return -1;
	}
	memcpy(a->host, host, len);
	return 0;
}

__attribute__((format(printf, 3, 4))) static int
fail(const struct opening *o, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->fault, LISTENER_FAULT_MAX, fmt, ap);
	va_end(ap);
	return status;
}

/* Close one, and unlink the Unix socket if it still is ours. */
static void
shut(struct listener *l)
{
	struct stat st;

	if (l->path != NULL && lstat(l->path, &st) == 0 &&
	    st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	if (l->fd != -1)
		close(l->fd);
	free(l->path);
	free(l->url);
}

/* An address as it stands in a URL. */
static void
address_format(const struct sockaddr *sa, char *buf, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(buf, size, "[%s]:%d", host, ntohs(in6->sin6_port));
	} else {
		const struct sockaddr_in *in = (const void *)sa;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(buf, size, "%s:%d", host, ntohs(in->sin_port));
	}
}

static bool
is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_in *in = (const void *)sa;

	if (sa->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static void
set_port(struct sockaddr *sa, in_port_t port)
{
	if (sa->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)sa)->sin6_port = port;
	else
		((struct sockaddr_in *)(void *)sa)->sin_port = port;
}

static in_port_t
get_port(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_in *in = (const void *)sa;

	return sa->sa_family == AF_INET6 ? in6->sin6_port : in->sin_port;
}

/* What went wrong with one address, and what to do about it. */
static int
fail_inet(const struct opening *o, const struct sockaddr *sa, int error)
{
	char where[INET6_ADDRSTRLEN + 16];

	address_format(sa, where, sizeof(where));
	switch (error) {
	case EADDRINUSE:
		return fail(o, EX_UNAVAILABLE,
		    "listen address %s: %s is in use; stop who has it, or name "
		    "another port (0: one that is free)",
		    o->a->text, where);
	case EACCES:
		return fail(o, EX_NOPERM,
		    "listen address %s: not permitted to listen on %s; ports "
		    "below 1024 are for root and CAP_NET_BIND_SERVICE",
		    o->a->text, where);
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		return fail(o, EX_UNAVAILABLE,
		    "listen address %s: this machine has no address %s",
		    o->a->text, where);
	default:
		return fail(o, error == ENOMEM ? EX_SOFTWARE : EX_UNAVAILABLE,
		    "listen address %s: %s: %s", o->a->text, where,
		    strerror(error));
	}
}

/* Append the socket, which it takes.  Returns 0 or an errno. */
static int
append(const struct opening *o, struct listener l, const char *scheme,
    const char *where)
{
	struct listener *v = reallocarray(o->ls->v, o->ls->n + 1, sizeof(*v));
	size_t len = strlen(scheme) + strlen(where) + 1;

	if (v != NULL)
		o->ls->v = v;
	if (v == NULL || (l.url = malloc(len)) == NULL) {
		shut(&l);
		return ENOMEM;
	}
	snprintf(l.url, len, "%s%s", scheme, where);
	l.admin = o->how->admin;
	v[o->ls->n++] = l;
	return 0;
}

/* Open sa and set its port to the one it got.  Returns 0 or an errno. */
static int
open_address(const struct opening *o, struct sockaddr *sa, socklen_t len)
{
	char where[INET6_ADDRSTRLEN + 16];
	struct listener l = { .fd = -1 };
	int on = 1, error;

	l.fd = socket(
	    sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/*
	 * SO_REUSEADDR lets the port be had while connections of the server
	 * before this one linger.  Unless both share it by SO_REUSEPORT, one
	 * that another listens on is still refused.
	 */
	if (l.fd == -1 ||
	    setsockopt(l.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (sa->sa_family == AF_INET6 &&
		setsockopt(l.fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ==
		    -1) ||
	    (o->how->share_port &&
		setsockopt(l.fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ==
		    -1) ||
	    bind(l.fd, sa, len) == -1 || listen(l.fd, BACKLOG) == -1 ||
	    getsockname(l.fd, sa, &len) == -1) {
		error = errno;
		shut(&l);
		return error;
	}
	address_format(sa, where, sizeof(where));
	return append(o, l, "http://", where);
}

/* Does an address before this one say the same? */
static bool
is_repeated(const struct addrinfo *first, const struct addrinfo *ai)
{
	for (; first != ai; first = first->ai_next)
		if (first->ai_addrlen == ai->ai_addrlen &&
		    memcmp(first->ai_addr, ai->ai_addr, ai->ai_addrlen) == 0)
			return true;
	return false;
}

/* Close what was opened since there were n. */
static void
roll_back(const struct opening *o, size_t n)
{
	while (o->ls->n > n)
		shut(&o->ls->v[--o->ls->n]);
}

/*
 * Open the addresses of one family, all with one port: *port is set by the
 * first of them when it is 0.  Returns 0, or an errno with *at the address.
 */
static int
open_family(const struct opening *o, const struct addrinfo *list, int family,
    in_port_t *port, struct sockaddr_storage *at)
{
	int error;

	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		struct sockaddr *sa = (void *)at;

		if (ai->ai_family != family || is_repeated(list, ai))
			continue;
		memcpy(at, ai->ai_addr, ai->ai_addrlen);
		if (*port != 0)
			set_port(sa, *port);
		if ((error = open_address(o, sa, ai->ai_addrlen)) != 0)
			return error;
		*port = get_port(sa);
	}
	return 0;
}

/*
 * Open all addresses, IPv4 first, since that is the URL everyone can use.
 * A machine without IPv6 may name such addresses all the same.
 */
static int
open_list(const struct opening *o, const struct addrinfo *list)
{
	struct sockaddr_storage at = { 0 };
	size_t before = o->ls->n;
	int error = 0;

	for (int i = 0; i < PORT_TRIES; i++) {
		in_port_t port = 0;

		error = open_family(o, list, AF_INET, &port, &at);
		if (error == 0)
			error = open_family(o, list, AF_INET6, &port, &at);
		if ((error == EADDRNOTAVAIL || error == EAFNOSUPPORT) &&
		    at.ss_family == AF_INET6 && o->ls->n > before)
			error = 0;
		if (error == 0)
			return 0;
		roll_back(o, before);
		/* The port that was free on one address is not on another. */
		if (error != EADDRINUSE || strcmp(o->a->port, "0") != 0)
			break;
	}
	return fail_inet(o, (const void *)&at, error);
}

static int
open_inet(const struct opening *o)
{
	const struct listener_addr *a = o->a;
	bool named = a->kind == LISTENER_HOST && strcmp(a->host, "*") != 0;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *ai;
	int status, error;

	/* Without a name: loopback addresses, or with AI_PASSIVE all. */
	if (a->kind == LISTENER_HOST && !named)
		hints.ai_flags = AI_PASSIVE;
	error = getaddrinfo(named ? a->host : NULL, a->port, &hints, &list);
	if (error != 0)
		return fail(o, EX_UNAVAILABLE, "listen address %s: %s", a->text,
		    gai_strerror(error));
	for (ai = list; ai != NULL; ai = ai->ai_next)
		if (o->how->admin && !is_loopback(ai->ai_addr))
			break;
	if (ai != NULL)
		status = fail(o, EX_USAGE,
		    "administration address %s: it must be a loopback address "
		    "or unix:PATH, for who reaches it may do everything",
		    a->text);
	else
		status = open_list(o, list);
	freeaddrinfo(list);
	return status;
}

/* Bind with the mode from the first moment on.  Threads come later. */
static int
bind_unix(const struct opening *o, int fd, const struct sockaddr_un *un)
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
fail_unix(const struct opening *o, int error)
{
	struct stat st;

	if (error == EADDRINUSE && lstat(o->a->path, &st) == 0 &&
	    !S_ISSOCK(st.st_mode))
		return fail(o, EX_CANTCREAT,
		    "listen address %s: there is a file that is no socket",
		    o->a->text);
	if (error == EADDRINUSE)
		return fail(o, EX_UNAVAILABLE,
		    "listen address %s: another program listens on it",
		    o->a->text);
	return fail(o, EX_CANTCREAT, "listen address %s: %s", o->a->text,
	    strerror(error));
}

static int
open_unix(const struct opening *o)
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
		shut(&l);
		return fail_unix(o, error);
	}
	/* In full, so that it is found wherever the program goes. */
	if (listen(l.fd, BACKLOG) == -1 || lstat(un.sun_path, &st) == -1 ||
	    (l.path = realpath(un.sun_path, NULL)) == NULL) {
		error = errno;
		unlink(un.sun_path);
		shut(&l);
		return fail_unix(o, error);
	}
	l.dev = st.st_dev;
	l.ino = st.st_ino;
	error = append(o, l, "unix:", l.path);
	return error == 0 ? 0 : fail_unix(o, error);
}

int
listener_open(struct listeners *ls, const struct listener_addr *a,
    const struct listener_how *how, char fault[static LISTENER_FAULT_MAX])
{
	struct opening o = { ls, a, how, fault };

	return a->kind == LISTENER_UNIX ? open_unix(&o) : open_inet(&o);
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
adopt(const struct opening *o, struct listener *l, const struct sockaddr *sa)
{
	const struct sockaddr_un *un = (const void *)sa;
	char where[INET6_ADDRSTRLEN + 16];

	l->is_unix = sa->sa_family == AF_UNIX;
	if (l->is_unix)
		return append(o, *l, "unix:", un->sun_path);
	address_format(sa, where, sizeof(where));
	return append(o, *l, "http://", where);
}

int
listener_adopt(struct listeners *ls, int fd, bool admin, const char *who,
    char fault[static LISTENER_FAULT_MAX])
{
	struct listener_how how = { .admin = admin };
	struct opening o = { ls, NULL, &how, fault };
	struct listener l = { .fd = fd, .passed = true };
	struct sockaddr_storage at = { 0 };
	struct sockaddr *sa = (void *)&at;
	socklen_t len = sizeof(at) - 1; /* a path may come without its NUL */
	bool inet;

	if (!listens(fd) || getsockname(fd, sa, &len) == -1)
		return fail(
		    &o, EX_USAGE, "%s: it is no socket that listens", who);
	inet = sa->sa_family == AF_INET || sa->sa_family == AF_INET6;
	if (!inet && sa->sa_family != AF_UNIX)
		return fail(&o, EX_USAGE,
		    "%s: it is neither of TCP nor a Unix socket", who);
	if (admin && inet && !is_loopback(sa))
		return fail(&o, EX_USAGE,
		    "%s: administration must be on a loopback address or a "
		    "Unix socket, for who reaches it may do everything",
		    who);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) == -1 || adopt(&o, &l, sa) != 0)
		return fail(&o, EX_SOFTWARE, "%s: %s", who, strerror(errno));
	return 0;
}

void
listener_close(struct listeners *ls)
{
	while (ls->n > 0)
		shut(&ls->v[--ls->n]);
	free(ls->v);
	*ls = (struct listeners){ NULL, 0 };
}
