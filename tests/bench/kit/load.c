#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "load.h"
#include "stamp.h"

#define PER_PROCESS 5000u /* unless there are too many */
#define PENDING_MAX 200   /* connections that wait for their heads at once */
#define LINE_KEPT (6 + STAMP_LEN) /* as much of a line as is looked at */
#define CONNECT_LIMIT_S 120
#define STALLED_RCVBUF 4096 /* what a stalled one holds is not the point */

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/* One subscriber. */
struct sub {
	int fd;
	uint32_t next; /* the number of the event that is due */
	bool begun;    /* its head has come */
	bool sent;     /* its request is on its way */
	uint8_t len;   /* bytes of an unfinished line */
	char line[LINE_KEPT];
};

/* One process of subscribers. */
struct crowd {
	const struct load_wish *wish;
	struct load_tally *tally;
	struct sub *subs;
	unsigned int n, started, pending;
	unsigned int first; /* the number of the first, among all */
	int epoll;
	char request[512];
};

static void
count(_Atomic uint64_t *v, uint64_t n)
{
	atomic_store_explicit(v,
	    atomic_load_explicit(v, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

static void
hang_up(struct crowd *c, struct sub *s)
{
	count(&c->tally->faults, 1);
	if (!s->begun)
		c->pending--;
	close(s->fd);
	s->fd = -1;
}

static void
subscriber_connect(struct crowd *c, struct sub *s, unsigned int i)
{
	struct sockaddr_in from = { .sin_family = AF_INET },
			   to = { .sin_family = AF_INET };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT, .data.ptr = s };
	int on = 1;

	from.sin_addr.s_addr = htonl(
	    INADDR_LOOPBACK + (1 + (c->first + i) / LOAD_SOURCE_MAX) * 256);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(c->wish->port);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd == -1)
		err(EX_OSERR, "socket %u", i);
	setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (c->wish->stall)
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF,
		    &(int){ STALLED_RCVBUF }, sizeof(int));
	if (bind(s->fd, (struct sockaddr *)&from, sizeof(from)) == -1)
		err(EX_OSERR, "bind");
	c->pending++;
	if (connect(s->fd, (struct sockaddr *)&to, sizeof(to)) == -1 &&
	    errno != EINPROGRESS) {
		hang_up(c, s);
		return;
	}
	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, s->fd, &ev) == -1)
		err(EX_OSERR, "epoll_ctl");
}

static size_t
request(struct crowd *c, const struct sub *s)
{
	const struct load_wish *w = c->wish;
	char number[16] = "";
	int len;

	if (w->channels > 0)
		snprintf(number, sizeof(number), "%u",
		    (c->first + (unsigned int)(s - c->subs)) % w->channels);
	len = snprintf(c->request, sizeof(c->request),
	    "GET %s%s HTTP/1.1\r\nHost: localhost\r\n"
	    "Accept: text/event-stream\r\n%s\r\n",
	    w->path, number, w->more == NULL ? "" : w->more);
	if (len < 0 || (size_t)len >= sizeof(c->request))
		errx(EX_SOFTWARE, "request too long");
	return (size_t)len;
}

/* Connected: ask, and from now on only listen. */
static void
subscriber_ask(struct crowd *c, struct sub *s)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };

	size_t len = request(c, s);

	if (send(s->fd, c->request, len, MSG_NOSIGNAL) != (ssize_t)len) {
		hang_up(c, s);
		return;
	}
	s->sent = true;
	epoll_ctl(c->epoll, EPOLL_CTL_MOD, s->fd, &ev);
}

static void
subscriber_begun(struct crowd *c, struct sub *s)
{
	s->begun = true;
	c->pending--;
	if (c->wish->stall)
		epoll_ctl(c->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	count(&c->tally->connected, 1);
}

static void
subscriber_event(struct crowd *c, struct sub *s, const char *p, uint64_t now)
{
	uint32_t n;
	uint64_t ns;

	if (stamp_read(p, &n, &ns) == -1 || n != s->next) {
		count(&c->tally->faults, 1);
		s->next = n + 1;
		return;
	}
	s->next++;
	count(&c->tally->delivered, 1);
	latency_add(&c->tally->latency, now - ns);
}

/* A line without its end, or as much of it as is looked at. */
static void
subscriber_line(
    struct crowd *c, struct sub *s, const char *p, size_t len, uint64_t now)
{
	if (!s->begun) {
		if (len == 0 || (len == 1 && *p == '\r'))
			subscriber_begun(c, s);
		else if (memcmp(p, "HTTP/", 5) == 0 &&
		    memcmp(p + 8, " 200", 4) != 0)
			warnx("%.*s", (int)len, p);
	} else if (len >= LINE_KEPT && memcmp(p, "data: ", 6) == 0)
		subscriber_event(c, s, p + 6, now);
	else if (len > 6 && memcmp(p, "event:", 6) == 0)
		count(&c->tally->faults, 1); /* a gap, an end */
}

static void
subscriber_bytes(struct crowd *c, struct sub *s, const char *p, size_t len)
{
	uint64_t now = stamp_now_ns();
	const char *end = p + len;

	count(&c->tally->bytes, len);
	atomic_store_explicit(&c->tally->last_ns, now, memory_order_relaxed);
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((lf != NULL ? lf : end) - p);
		size_t keep = LINE_KEPT - s->len;

		if (s->len == 0 && lf != NULL) {
			subscriber_line(c, s, p, n, now);
			p = lf + 1;
			continue;
		}
		if (keep > n)
			keep = n;
		memcpy(s->line + s->len, p, keep);
		s->len = (uint8_t)(s->len + keep);
		p += n;
		if (lf == NULL)
			return;
		subscriber_line(c, s, s->line, s->len, now);
		s->len = 0;
		p++;
	}
}

static void
subscriber_ready(struct crowd *c, struct sub *s)
{
	static char buf[256 << 10];
	ssize_t n;

	if (!s->sent) {
		subscriber_ask(c, s);
		return;
	}
	n = recv(s->fd, buf, sizeof(buf), 0);
	if (n > 0)
		subscriber_bytes(c, s, buf, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		hang_up(c, s);
}

static void
crowd_prepare(struct crowd *c)
{
	if ((c->subs = calloc(c->n, sizeof(*c->subs))) == NULL ||
	    (c->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(EX_OSERR, "subscribers");
}

_Noreturn static void
crowd_run(struct crowd *c)
{
	struct epoll_event ready[512];

	/* Nobody is left behind by a measurement that was killed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	crowd_prepare(c);
	for (;;) {
		int n;

		while (c->started < c->n && c->pending < PENDING_MAX) {
			subscriber_connect(c, &c->subs[c->started], c->started);
			c->started++;
		}
		n = epoll_wait(c->epoll, ready, 512, -1);
		for (int i = 0; i < n; i++)
			subscriber_ready(c, ready[i].data.ptr);
	}
}

static uint64_t
sum(const struct load *l, size_t field)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < l->nprocesses; i++)
		n += atomic_load(
		    (_Atomic uint64_t *)((char *)&l->tally[i] + field));
	return n;
}

uint64_t
load_connected(const struct load *l)
{
	return sum(l, offsetof(struct load_tally, connected));
}

uint64_t
load_delivered(const struct load *l)
{
	return sum(l, offsetof(struct load_tally, delivered));
}

uint64_t
load_faults(const struct load *l)
{
	return sum(l, offsetof(struct load_tally, faults));
}

uint64_t
load_last_ns(const struct load *l)
{
	uint64_t last = 0;

	for (unsigned int i = 0; i < l->nprocesses; i++) {
		uint64_t ns = atomic_load(&l->tally[i].last_ns);

		last = ns > last ? ns : last;
	}
	return last;
}

static bool
await(uint64_t (*figure)(const struct load *), const struct load *l, uint64_t n,
    double limit_s)
{
	uint64_t end = stamp_now_ns() + (uint64_t)(limit_s * 1e9);

	while (figure(l) < n) {
		if (stamp_now_ns() > end)
			return false;
		usleep(1000);
	}
	return true;
}

bool
load_await(const struct load *l, uint64_t n, double limit_s)
{
	return await(load_delivered, l, n, limit_s);
}

void
load_start(struct load *l, const struct load_wish *wish)
{
	unsigned int left = wish->n;

	memset(l, 0, sizeof(*l));
	l->n = wish->n;
	l->nprocesses = (wish->n + PER_PROCESS - 1) / PER_PROCESS;
	if (l->nprocesses > LOAD_PROCESSES_MAX)
		l->nprocesses = LOAD_PROCESSES_MAX;
	l->tally = mmap(NULL, l->nprocesses * sizeof(*l->tally),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (l->tally == MAP_FAILED)
		err(EX_OSERR, "shared memory");
	for (unsigned int i = 0; i < l->nprocesses; i++) {
		struct crowd c = { .wish = wish,
			.tally = &l->tally[i],
			.n = left / (l->nprocesses - i),
			.first = wish->n - left };

		left -= c.n;
		fflush(NULL);
		if ((l->pids[i] = fork()) == -1)
			err(EX_OSERR, "fork");
		if (l->pids[i] == 0)
			crowd_run(&c);
	}
	if (!await(load_connected, l, wish->n, CONNECT_LIMIT_S))
		errx(EX_UNAVAILABLE,
		    "%s: only %ju of %u connections, %ju failed", wish->path,
		    (uintmax_t)load_connected(l), wish->n,
		    (uintmax_t)load_faults(l));
}

void
load_latency(struct load *l, struct latency *all)
{
	memset(all, 0, sizeof(*all));
	for (unsigned int i = 0; i < l->nprocesses; i++) {
		latency_merge(all, &l->tally[i].latency);
		memset(&l->tally[i].latency, 0, sizeof(struct latency));
	}
}

void
load_stop(struct load *l)
{
	for (unsigned int i = 0; i < l->nprocesses; i++)
		kill(l->pids[i], SIGKILL);
	for (unsigned int i = 0; i < l->nprocesses; i++)
		waitpid(l->pids[i], NULL, 0);
	munmap(l->tally, l->nprocesses * sizeof(*l->tally));
	memset(l, 0, sizeof(*l));
}
