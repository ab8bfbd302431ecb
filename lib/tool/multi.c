#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "multi.h"
#include "units.h"

#define READY_MAX 1024 /* sockets that one wait is told of; others come next */
#define WATCHED_MAX 2  /* a signal, and a reader that goes */

struct multi {
	CURLM *curl;
	int epoll;        /* has curl's sockets and what is watched */
	int fault;        /* errno: there is no waiting any more; 0: none */
	int64_t timer_ms; /* when curl wants to be called; -1: never */
	int64_t looked_ms;
	struct pollfd *watched[WATCHED_MAX];
	unsigned int nwatched;
	struct epoll_event ready[READY_MAX];
};

static uint32_t
events_of(int what)
{
	switch (what) {
	case CURL_POLL_IN:
		return EPOLLIN;
	case CURL_POLL_OUT:
		return EPOLLOUT;
	case CURL_POLL_INOUT:
		return EPOLLIN | EPOLLOUT;
	}
	return 0;
}

/* What is watched is told from a socket by what stands above its number. */
static uint64_t
tag_of(int fd, unsigned int above)
{
	return (uint64_t)above << 32 | (uint32_t)fd;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *own)
{
	struct multi *m = arg;
	struct epoll_event e = { .events = events_of(what),
		.data.u64 = tag_of(fd, 0) };

	(void)easy;
	(void)own;
	if (what == CURL_POLL_REMOVE) {
		/* It may be closed, and so be gone from there. */
		(void)epoll_ctl(m->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (epoll_ctl(m->epoll, EPOLL_CTL_MOD, fd, &e) == 0 ||
	    (errno == ENOENT &&
		epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &e) == 0))
		return 0;
	/* Of this curl says nothing, and does nothing any more. */
	m->fault = errno;
	return -1;
}

static int
on_timer(CURLM *curl, long timeout_ms, void *arg)
{
	struct multi *m = arg;

	(void)curl;
	m->timer_ms = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
	return 0;
}

#define SET(option, value) \
	(curl_multi_setopt(m->curl, (option), (value)) == CURLM_OK)

static int
build(struct multi *m)
{
	if ((m->epoll = epoll_create1(EPOLL_CLOEXEC)) == -1)
		return -1;
	errno = ENOMEM;
	return (m->curl = curl_multi_init()) != NULL &&
		SET(CURLMOPT_SOCKETFUNCTION, on_socket) &&
		SET(CURLMOPT_SOCKETDATA, m) &&
		SET(CURLMOPT_TIMERFUNCTION, on_timer) &&
		SET(CURLMOPT_TIMERDATA, m)
	    ? 0
	    : -1;
}

#undef SET

struct multi *
multi_new(void)
{
	struct multi *m = calloc(1, sizeof(*m));
	int saved;

	if (m == NULL)
		return NULL;
	m->timer_ms = -1;
	if (build(m) == 0)
		return m;
	saved = errno;
	multi_free(m);
	errno = saved;
	return NULL;
}

void
multi_free(struct multi *m)
{
	if (m == NULL)
		return;
	if (m->curl != NULL)
		(void)curl_multi_cleanup(m->curl);
	if (m->epoll != -1)
		(void)close(m->epoll);
	free(m);
}

int
multi_begin(struct multi *m, CURL *easy, struct multi_end *end)
{
	end->over = false;
	return curl_easy_setopt(easy, CURLOPT_PRIVATE, end) == CURLE_OK &&
		curl_multi_add_handle(m->curl, easy) == CURLM_OK
	    ? 0
	    : -1;
}

void
multi_break(struct multi *m, CURL *easy)
{
	(void)curl_multi_remove_handle(m->curl, easy);
}

int
multi_watch(struct multi *m, struct pollfd *p)
{
	struct epoll_event e = { .events = (uint32_t)p->events,
		.data.u64 = tag_of(p->fd, m->nwatched + 1) };

	p->revents = 0;
	if (m->nwatched == WATCHED_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (epoll_ctl(m->epoll, EPOLL_CTL_ADD, p->fd, &e) == -1)
		return -1;
	m->watched[m->nwatched++] = p;
	return 0;
}

static void
take_ends(struct multi *m)
{
	struct multi_end *end = NULL;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(m->curl, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(
		    msg->easy_handle, CURLINFO_PRIVATE, (char **)&end);
		end->over = true;
		end->code = msg->data.result;
		if (end->tell != NULL)
			end->tell(end->arg);
	}
}

/* As curl is told; an error is found where it is read or written. */
static int
bits_of(uint32_t events)
{
	int bits = 0;

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		bits |= CURL_CSELECT_IN;
	if ((events & (EPOLLOUT | EPOLLERR)) != 0)
		bits |= CURL_CSELECT_OUT;
	return bits;
}

static void
work(struct multi *m, int n)
{
	const struct epoll_event *ready = m->ready;
	int running;

	for (int i = 0; i < n; i++) {
		uint32_t above = (uint32_t)(ready[i].data.u64 >> 32);

		if (above != 0)
			m->watched[above - 1]->revents = (short)ready[i].events;
		else
			(void)curl_multi_socket_action(m->curl,
			    (int)ready[i].data.u64, bits_of(ready[i].events),
			    &running);
	}
	if (m->timer_ms != -1 && clock_mono_ms() >= m->timer_ms) {
		m->timer_ms = -1;
		(void)curl_multi_socket_action(
		    m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	take_ends(m);
}

static int
at_most(const struct multi *m, int timeout_ms)
{
	int64_t left;

	if (m->timer_ms == -1)
		return timeout_ms;
	left = m->timer_ms - clock_mono_ms();
	if (left < 0)
		left = 0;
	return timeout_ms >= 0 && timeout_ms < left ? timeout_ms : (int)left;
}

/* Wait for the others and for what is in epoll; how many others are ready. */
static int
wait_beside(
    struct multi *m, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	struct pollfd fds[MULTI_EXTRA_MAX + 1];
	int ready = 0;

	memcpy(fds, extra, n * sizeof(*fds));
	fds[n] = (struct pollfd){ m->epoll, POLLIN, 0 };
	if (poll(fds, n + 1, timeout_ms) <= 0)
		for (unsigned int i = 0; i < n; i++)
			fds[i].revents = 0;
	for (unsigned int i = 0; i < n; i++) {
		extra[i].revents = fds[i].revents;
		ready += fds[i].revents != 0;
	}
	return ready;
}

int
multi_wait(
    struct multi *m, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	int others = 0, ready;

	if (n > MULTI_EXTRA_MAX) {
		errno = EINVAL;
		return -1;
	}
	timeout_ms = m->fault != 0 ? 0 : at_most(m, timeout_ms);
	if (n > 0) {
		others = wait_beside(m, extra, n, timeout_ms);
		timeout_ms = 0;
	}
	for (unsigned int i = 0; i < m->nwatched; i++)
		m->watched[i]->revents = 0;
	ready = epoll_wait(m->epoll, m->ready, READY_MAX, timeout_ms);
	if (ready == -1 && errno != EINTR)
		m->fault = errno;
	if (ready >= 0 && ready < READY_MAX)
		m->looked_ms = clock_mono_ms();
	work(m, ready);
	if (m->fault == 0)
		return others;
	errno = m->fault;
	return -1;
}

int64_t
multi_looked_ms(const struct multi *m)
{
	return m->looked_ms;
}
