/*
 * What the parts of a listener know of each other: listener.c opens or adopts
 * one, of TCP by listener_inet.c, else by listener_unix.c; listener_set.c has all
 * that are open.
 */
#ifndef LISTENER_INNER_H
#define LISTENER_INNER_H

#include <sys/socket.h>

#include "listener.h"

#define LISTENER_BACKLOG 4096 /* the kernel cuts it to its own bound */

/* A socket to be opened: what was typed, and where a fault is told. */
struct listener_opening {
	struct listeners *ls;
	const struct listener_addr *a;
	const struct listener_how *how;
	char *fault;
};

/* As listener_open() returns. */
int listener_inet_open(const struct listener_opening *o);
int listener_unix_open(const struct listener_opening *o);

/* Write the fault.  Returns status. */
__attribute__((format(printf, 3, 4))) int listener_fail(
    const struct listener_opening *o, int status, const char *fmt, ...);

/* Append the socket, which it takes.  Returns 0 or an errno. */
int listener_append(const struct listener_opening *o, struct listener l,
    const char *scheme, const char *where);

/* Close one, and unlink the Unix socket if it still is ours. */
void listener_shut(struct listener *l);

/* An address as it stands in a URL. */
#define LISTENER_INET_LEN 64
void listener_inet_format(
    const struct sockaddr *sa, char buf[static LISTENER_INET_LEN]);
bool listener_inet_is_loopback(const struct sockaddr *sa);

#endif
