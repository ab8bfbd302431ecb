#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport.h"

static ssize_t
nothing_now(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0
									 : -1;
}

ssize_t
transport_read(struct transport *t, void *buf, size_t len)
{
	ssize_t n = recv(t->fd, buf, len, 0);

	if (n > 0)
		return n;
	return n == 0 ? -1 : nothing_now();
}

ssize_t
transport_writev(struct transport *t, const struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = (size_t)n };
	ssize_t sent;

	/* A lone event is the usual case, and send() the shortest way. */
	if (n == 1)
		sent = send(t->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
	else
		sent = sendmsg(t->fd, &msg, MSG_NOSIGNAL);
	return sent >= 0 ? sent : nothing_now();
}

void
transport_finish(struct transport *t)
{
	(void)shutdown(t->fd, SHUT_WR);
}

void
transport_reset(struct transport *t)
{
	struct linger none = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

void
transport_close(struct transport *t)
{
	if (t->fd != -1)
		close(t->fd);
	t->fd = -1;
}
