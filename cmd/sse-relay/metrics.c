#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "event.h"
#include "metrics.h"
#include "units.h"

#define UNIX_PREFIX "unix:"

struct metrics {
	int fd;
	int stop[2]; /* its end closed: the thread is to end */
	pthread_t thread;
	bool running;
	struct tally *tally;
	const char *name;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char where[160];
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static int
port_of(const char *s)
{
	const char *errstr;
	int port = (int)strtonum(s, 0, 65535, &errstr);

	return errstr == NULL ? port : -1;
}

/* PORT, HOST:PORT and [::1]:PORT.  Returns the address's length; 0: it is none. */
static socklen_t
read_inet(const char *s, union address *a)
{
	const char *colon = strrchr(s, ':'), *number = colon ? colon + 1 : s;
	size_t len = colon != NULL ? (size_t)(colon - s) : 0;
	char host[64];
	int port = port_of(number);

	if (port == -1 || len >= sizeof(host))
		return 0;
	memcpy(host, s, len);
	host[len] = '\0';
	if (strcmp(host, "[::1]") == 0) {
		a->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
			.sin6_port = htons((uint16_t)port),
			.sin6_addr = in6addr_loopback };
		return sizeof(a->in6);
	}
	if (len == 0 || strcmp(host, "localhost") == 0)
		strlcpy(host, "127.0.0.1", sizeof(host));
	a->in = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	if (inet_pton(AF_INET, host, &a->in.sin_addr) != 1 ||
	    (ntohl(a->in.sin_addr.s_addr) >> 24) != 127)
		return 0;
	return sizeof(a->in);
}

/* A socket that nobody answers on is of a run before, and goes. */
static void
remove_stale(const union address *a, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return;
	if (connect(fd, &a->any, len) == -1 && errno == ECONNREFUSED)
		(void)unlink(a->un.sun_path);
	close(fd);
}

static socklen_t
read_address(struct metrics *m, const char *s, union address *a)
{
	size_t before = strlen(UNIX_PREFIX);

	if (strncmp(s, UNIX_PREFIX, before) != 0)
		return read_inet(s, a);
	s += before;
	if (*s == '\0' || strlen(s) >= sizeof(a->un.sun_path))
		return 0;
	a->un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strlcpy(a->un.sun_path, s, sizeof(a->un.sun_path));
	strlcpy(m->path, s, sizeof(m->path));
	return sizeof(a->un);
}

static int
listen_at(struct metrics *m, union address *a, socklen_t len)
{
	const int yes = 1;

	m->fd = socket(
	    a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd == -1)
		return -1;
	if (a->any.sa_family == AF_UNIX)
		remove_stale(a, len);
	else
		(void)setsockopt(
		    m->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(m->fd, &a->any, len) == -1) {
		*m->path = '\0'; /* another's */
		return -1;
	}
	if (*m->path != '\0' && chmod(m->path, 0660) == -1)
		return -1;
	return listen(m->fd, 16);
}

static void
tell_where(struct metrics *m, const char *given)
{
	union address a = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t len = sizeof(a);

	if (*m->path != '\0' || getsockname(m->fd, &a.any, &len) == -1)
		snprintf(m->where, sizeof(m->where), "%s", given);
	else if (a.any.sa_family == AF_INET6)
		snprintf(m->where, sizeof(m->where), "http://[::1]:%d/metrics",
		    ntohs(a.in6.sin6_port));
	else
		snprintf(m->where, sizeof(m->where), "http://%s:%d/metrics",
		    inet_ntoa(a.in.sin_addr), ntohs(a.in.sin_port));
}

/* Wait for fd; false when the time is up or the thread is to end. */
static bool
ready(const struct metrics *m, int fd, short events, int64_t until_ms)
{
	struct pollfd p[2] = { { fd, events, 0 }, { m->stop[0], POLLIN, 0 } };
	int64_t left_ms = until_ms - clock_mono_ms();
	int n;

	if (left_ms <= 0)
		return false;
	n = poll(p, 2, (int)left_ms);
	return (n > 0 && p[1].revents == 0) || (n == -1 && errno == EINTR);
}

/* The head of a request, as far as it is needed: its first line. */
static bool
read_head(const struct metrics *m, int fd, char *head, int64_t until_ms)
{
	size_t len = 0;

	while (len < METRICS_HEAD_MAX && ready(m, fd, POLLIN, until_ms)) {
		ssize_t n = read(fd, head + len, METRICS_HEAD_MAX - len);

		if (n == 0)
			return false;
		if (n == -1 && errno != EINTR && errno != EAGAIN)
			return false;
		if (n > 0)
			len += (size_t)n;
		head[len] = '\0';
		if (strstr(head, "\r\n\r\n") != NULL ||
		    strstr(head, "\n\n") != NULL)
			return true;
	}
	return false;
}

static void
write_all(const struct metrics *m, int fd, const char *p, size_t len,
    int64_t until_ms)
{
	while (len > 0 && ready(m, fd, POLLOUT, until_ms)) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n == -1 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

/* GET or HEAD of /metrics: its status. */
static const char *
status_of(const char *head, bool *body)
{
	const char *path = strchr(head, ' ');
	size_t len;

	*body = strncmp(head, "GET ", 4) == 0;
	if (path == NULL || (!*body && strncmp(head, "HEAD ", 5) != 0))
		return "405 Method Not Allowed";
	len = strcspn(++path, " ?\r\n");
	return len == 8 && strncmp(path, "/metrics", 8) == 0 ? "200 OK"
							     : "404 Not Found";
}

static void
answer(const struct metrics *m, int fd)
{
	int64_t until_ms = clock_mono_ms() + METRICS_TIME_MS;
	struct sse_buf page = { NULL, 0, 0 };
	char head[METRICS_HEAD_MAX + 1];
	const char *status;
	bool body;
	int len;

	if (!read_head(m, fd, head, until_ms))
		return;
	status = status_of(head, &body);
	if (*status == '2' &&
	    tally_metrics(m->tally, m->name, clock_unix_ms(), &page) == -1) {
		status = "503 Service Unavailable";
		page.len = 0;
	}
	len = snprintf(head, sizeof(head),
	    "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	    status, page.len);
	write_all(m, fd, head, (size_t)len, until_ms);
	if (body)
		write_all(m, fd, page.ptr, page.len, until_ms);
	sse_buf_free(&page);
}

/* One request at a time, each bounded, is enough for who asks here. */
static void *
serve(void *arg)
{
	const struct metrics *m = arg;
	struct pollfd p[2] = { { m->fd, POLLIN, 0 },
		{ m->stop[0], POLLIN, 0 } };

	for (;;) {
		int fd;

		if (poll(p, 2, -1) == -1 && errno != EINTR)
			return NULL;
		if (p[1].revents != 0)
			return NULL;
		fd = accept4(m->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1) {
			/* Without descriptors it would ask at once again. */
			if (errno == EMFILE || errno == ENFILE)
				(void)poll(p + 1, 1, 100);
			continue;
		}
		answer(m, fd);
		close(fd);
	}
}

/* Signals are the other thread's. */
static int
start(struct metrics *m)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &old);
	error = pthread_create(&m->thread, NULL, serve, m);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	m->running = error == 0;
	errno = error;
	return error == 0 ? 0 : -1;
}

int
metrics_open(struct metrics **mp, const char *address, struct tally *t,
    const char *name, char *why, size_t cap)
{
	struct metrics *m = calloc(1, sizeof(*m));
	union address a;
	socklen_t len;
	int status = EX_UNAVAILABLE;

	*mp = NULL;
	if (m == NULL) {
		snprintf(why, cap, "%s", strerror(errno));
		return EX_SOFTWARE;
	}
	m->fd = m->stop[0] = m->stop[1] = -1;
	m->tally = t;
	m->name = name;
	if ((len = read_address(m, address, &a)) == 0) {
		snprintf(why, cap,
		    "it is none of PORT, 127.0.0.1:PORT, [::1]:PORT, "
		    "unix:PATH");
		*m->path = '\0';
		status = EX_USAGE;
	} else if (listen_at(m, &a, len) == 0 && pipe(m->stop) == 0 &&
	    start(m) == 0) {
		tell_where(m, address);
		*mp = m;
		return 0;
	} else
		snprintf(why, cap, "%s", strerror(errno));
	metrics_close(m);
	return status;
}

const char *
metrics_where(const struct metrics *m)
{
	return m->where;
}

void
metrics_close(struct metrics *m)
{
	if (m == NULL)
		return;
	if (m->stop[1] != -1)
		close(m->stop[1]);
	if (m->running)
		(void)pthread_join(m->thread, NULL);
	if (m->stop[0] != -1)
		close(m->stop[0]);
	if (m->fd != -1)
		close(m->fd);
	if (*m->path != '\0')
		(void)unlink(m->path);
	free(m);
}
