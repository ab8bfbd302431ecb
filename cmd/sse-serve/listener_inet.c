#include <sys/socket.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "listener_inner.h"

#define PORT_TRIES 32 /* to find one that is free on both loopbacks */

void
listener_inet_format(
    const struct sockaddr *sa, char buf[static LISTENER_INET_LEN])
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(buf, LISTENER_INET_LEN, "[%s]:%d", host,
		    ntohs(in6->sin6_port));
	} else {
		const struct sockaddr_in *in = (const void *)sa;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(
		    buf, LISTENER_INET_LEN, "%s:%d", host, ntohs(in->sin_port));
	}
}

bool
listener_inet_is_loopback(const struct sockaddr *sa)
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
fail_inet(
    const struct listener_opening *o, const struct sockaddr *sa, int error)
{
	char where[LISTENER_INET_LEN];

	listener_inet_format(sa, where);
	switch (error) {
	case EADDRINUSE:
		return listener_fail(o, EX_UNAVAILABLE,
		    "listen address %s: %s is in use; stop who has it, or name "
		    "another port (0: one that is free)",
		    o->a->text, where);
	case EACCES:
		return listener_fail(o, EX_NOPERM,
		    "listen address %s: not permitted to listen on %s; ports "
		    "below 1024 are for root and CAP_NET_BIND_SERVICE",
		    o->a->text, where);
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		return listener_fail(o, EX_UNAVAILABLE,
		    "listen address %s: this machine has no address %s",
		    o->a->text, where);
	default:
		return listener_fail(o,
		    error == ENOMEM ? EX_SOFTWARE : EX_UNAVAILABLE,
		    "listen address %s: %s: %s", o->a->text, where,
		    strerror(error));
	}
}

/* Open sa and set its port to the one it got.  Returns 0 or an errno. */
static int
open_address(
    const struct listener_opening *o, struct sockaddr *sa, socklen_t len)
{
	char where[LISTENER_INET_LEN];
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
	    bind(l.fd, sa, len) == -1 || listen(l.fd, LISTENER_BACKLOG) == -1 ||
	    getsockname(l.fd, sa, &len) == -1) {
		error = errno;
		listener_shut(&l);
		return error;
	}
	listener_inet_format(sa, where);
	return listener_append(o, l, "http://", where);
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
roll_back(const struct listener_opening *o, size_t n)
{
	while (o->ls->n > n)
		listener_shut(&o->ls->v[--o->ls->n]);
}

/*
 * Open the addresses of one family, all with one port: *port is set by the
 * first of them when it is 0.  Returns 0, or an errno with *at the address.
 */
static int
open_family(const struct listener_opening *o, const struct addrinfo *list,
    int family, in_port_t *port, struct sockaddr_storage *at)
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
open_list(const struct listener_opening *o, const struct addrinfo *list)
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

int
listener_inet_open(const struct listener_opening *o)
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
		return listener_fail(o, EX_UNAVAILABLE, "listen address %s: %s",
		    a->text, gai_strerror(error));
	for (ai = list; ai != NULL; ai = ai->ai_next)
		if (o->how->admin && !listener_inet_is_loopback(ai->ai_addr))
			break;
	if (ai != NULL)
		status = listener_fail(o, EX_USAGE,
		    "administration address %s: it must be a loopback address "
		    "or unix:PATH, for who reaches it may do everything",
		    a->text);
	else
		status = open_list(o, list);
	freeaddrinfo(list);
	return status;
}
