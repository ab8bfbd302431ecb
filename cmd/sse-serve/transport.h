/*
 * The bytes of one connection, in and out, non-blocking.  Only here are sockets
 * read and written, so that TLS has one place to come in.
 */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <sys/types.h>
#include <sys/uio.h>

struct transport {
	int fd;
};

/*
 * Returns the bytes read; 0 when there are none now; -1 when the peer has
 * closed or reset the connection.
 */
ssize_t transport_read(struct transport *t, void *buf, size_t len);

/* Returns the bytes taken, 0 when none are now; -1 as above.  n is above 0. */
ssize_t transport_writev(struct transport *t, const struct iovec *iov, int n);

/* Nothing more is written; what was written still arrives. */
void transport_finish(struct transport *t);
void transport_close(struct transport *t);

/* Closing will drop what was written and has not arrived: nobody takes it. */
void transport_reset(struct transport *t);

#endif
