#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "bare.h"

#define FDS_MAX 20000

struct bare {
	int listener, epoll;
	int fds[FDS_MAX]; /* who has been answered */
	unsigned int n;
	uint64_t seq;
	char in[1 << 16];
	size_t len;
};

static void
watch(struct bare *b, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		err(EX_OSERR, "epoll_ctl");
}

static void
answer(struct bare *b, int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n"
				   "Content-Type: text/event-stream\r\n\r\n";
	char buf[4096];

	if (recv(fd, buf, sizeof(buf), 0) <= 0) {
		for (unsigned int i = 0; i < b->n; i++)
			if (b->fds[i] == fd)
				b->fds[i] = b->fds[--b->n];
		close(fd);
		return;
	}
	if (send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL) > 0)
		b->fds[b->n++] = fd;
}

static void
accept_all(struct bare *b)
{
	int fd;

	while ((fd = accept4(b->listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1)
		watch(b, fd);
}

/* All of it, also when the reader is slow: nothing is left out here either. */
static void
deliver(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n == -1 && errno != EAGAIN)
			return;
		if (n == -1) {
			struct pollfd w = { .fd = fd, .events = POLLOUT };

			poll(&w, 1, -1);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

static void
publish(struct bare *b, const char *line, size_t len)
{
	char event[8192];
	int n = snprintf(event, sizeof(event), "id: %ju-0\ndata: %.*s\n\n",
	    (uintmax_t)(1700000000000 + b->seq++), (int)len, line);

	for (unsigned int i = 0; i < b->n; i++)
		deliver(b->fds[i], event, (size_t)n);
}

static void
read_lines(struct bare *b)
{
	ssize_t n = read(STDIN_FILENO, b->in + b->len, sizeof(b->in) - b->len);
	char *line = b->in, *lf;

	if (n <= 0)
		_exit(0);
	b->len += (size_t)n;
	while ((lf = memchr(line, '\n', b->len)) != NULL) {
		size_t len = (size_t)(lf - line);

		publish(b, line, len);
		b->len -= len + 1;
		line = lf + 1;
	}
	memmove(b->in, line, b->len);
}

static void
open_listener(struct bare *b, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	b->listener = socket(
	    AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(b->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(b->listener, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(b->listener, 4096) == -1)
		err(EX_OSERR, "bare loop");
}

void
bare_run(uint16_t port)
{
	static struct bare b;
	struct epoll_event ready[512];

	open_listener(&b, port);
	if ((b.epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(EX_OSERR, "epoll");
	watch(&b, b.listener);
	watch(&b, STDIN_FILENO);
	for (;;) {
		int n = epoll_wait(b.epoll, ready, 512, -1);

		for (int i = 0; i < n; i++) {
			int fd = ready[i].data.fd;

			if (fd == b.listener)
				accept_all(&b);
			else if (fd == STDIN_FILENO)
				read_lines(&b);
			else
				answer(&b, fd);
		}
	}
}
