#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "source.h"
#include "stamp.h"

#define PIECE ((size_t)256 << 10)

static void
send_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = send(fd, p, len, MSG_NOSIGNAL)) <= 0)
			_exit(0);
}

static size_t
write_event(char *to, size_t size)
{
	memcpy(to, "data: ", 6);
	memset(to + 6, 'x', size);
	memcpy(to + 6 + size, "\n\n", 2);
	return size + 8;
}

/* So many events in one send(). */
static void
send_events(int fd, size_t size, size_t n, size_t together)
{
	char *buf = malloc(together * (size + 8)), *to = buf;

	if (buf == NULL)
		err(EX_OSERR, NULL);
	for (size_t i = 0; i < together; i++)
		to += write_event(to, size);
	for (; n > together; n -= together)
		send_all(fd, buf, (size_t)(to - buf));
	send_all(fd, buf, n * (size + 8));
	free(buf);
}

static void
send_stamped(int fd, size_t every_ms, size_t n)
{
	char event[6 + STAMP_LEN + 2] = "data: ";

	memcpy(event + 6 + STAMP_LEN, "\n\n", 2);
	for (size_t i = 0; i < n; i++) {
		usleep((useconds_t)(every_ms * 1000));
		stamp_write(event + 6, STAMP_LEN, (uint32_t)i, stamp_now_ns());
		send_all(fd, event, sizeof(event));
	}
}

/* Does the request begin so, with two numbers behind it? */
static bool
asks(const char *request, const char *how, size_t *size, size_t *n)
{
	size_t len = strlen(how);
	char *end;

	if (strncmp(request, how, len) != 0)
		return false;
	*size = strtoul(request + len, &end, 10);
	if (*end != '/')
		return false;
	*n = strtoul(end + 1, &end, 10);
	return *end == ' ';
}

static void
serve(int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n"
				   "Content-Type: text/event-stream\r\n\r\n";
	char request[4096];
	size_t size = 0, n = 0;
	ssize_t len = recv(fd, request, sizeof(request) - 1, 0);
	int one = 1;

	if (len <= 0)
		return;
	request[len] = '\0';
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	send_all(fd, head, sizeof(head) - 1);
	if (asks(request, "GET /bulk/", &size, &n))
		send_events(fd, size, n, PIECE / (size + 8) + 1);
	else if (asks(request, "GET /live/", &size, &n))
		send_events(fd, size, n, 1);
	else if (asks(request, "GET /stamped/", &size, &n))
		send_stamped(fd, size, n);
}

static _Noreturn void
run(int listener)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd == -1)
			continue;
		if (fork() == 0) {
			serve(fd);
			(void)shutdown(fd, SHUT_WR);
			_exit(0);
		}
		(void)close(fd);
	}
}

void
source_start(struct source *s)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&in, len) == -1 ||
	    listen(fd, 128) == -1 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) == -1)
		err(EX_OSERR, "source");
	s->port = ntohs(in.sin_port);
	if ((s->pid = fork()) == -1)
		err(EX_OSERR, "fork");
	if (s->pid == 0)
		run(fd);
	(void)close(fd);
}

void
source_stop(struct source *s)
{
	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
}
