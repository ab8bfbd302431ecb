#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multi.h"
#include "units.h"

struct multi {
	CURLM *curl;
	struct pollfd *fds; /* curl's sockets; room for as many again behind */
	size_t n, cap;
	struct pollfd *ready; /* those that are, while curl changes fds */
	int64_t timer_ms;     /* when curl wants to be called; -1: never */
};

static int
grow(struct multi *m, size_t n)
{
	size_t cap = m->cap < 16 ? 16 : m->cap;
	struct pollfd *longer;

	if (n <= m->cap)
		return 0;
	while (cap < n)
		cap *= 2;
	if ((longer = reallocarray(m->fds, cap, sizeof(*longer))) == NULL)
		return -1;
	m->fds = longer;
	if ((longer = reallocarray(m->ready, cap, sizeof(*longer))) == NULL)
		return -1;
	m->ready = longer;
	m->cap = cap;
	return 0;
}

static short
events_of(int what)
{
	switch (what) {
	case CURL_POLL_IN:
		return POLLIN;
	case CURL_POLL_OUT:
		return POLLOUT;
	case CURL_POLL_INOUT:
		return POLLIN | POLLOUT;
	}
	return 0;
}

/* Sockets come and go with connections only, so a search does. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *own)
{
	struct multi *m = arg;
	size_t i = 0;

	(void)easy;
	(void)own;
	while (i < m->n && m->fds[i].fd != fd)
		i++;
	if (what == CURL_POLL_REMOVE) {
		if (i < m->n)
			m->fds[i] = m->fds[--m->n];
		return 0;
	}
	if (i == m->n) {
		if (grow(m, m->n + 1) == -1)
			return -1;
		m->n++;
	}
	m->fds[i] = (struct pollfd){ fd, events_of(what), 0 };
	return 0;
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

struct multi *
multi_new(void)
{
	struct multi *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->timer_ms = -1;
	if ((m->curl = curl_multi_init()) != NULL &&
	    SET(CURLMOPT_SOCKETFUNCTION, on_socket) &&
	    SET(CURLMOPT_SOCKETDATA, m) &&
	    SET(CURLMOPT_TIMERFUNCTION, on_timer) && SET(CURLMOPT_TIMERDATA, m))
		return m;
	multi_free(m);
	errno = ENOMEM;
	return NULL;
}

#undef SET

void
multi_free(struct multi *m)
{
	if (m == NULL)
		return;
	if (m->curl != NULL)
		(void)curl_multi_cleanup(m->curl);
	free(m->fds);
	free(m->ready);
	free(m);
}

int
multi_begin(struct multi *m, CURL *easy, struct multi_end *end)
{
	*end = (struct multi_end){ .over = false };
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
		*end = (struct multi_end){ true, msg->data.result };
	}
}

/* As curl is told; an error is found where it is read or written. */
static int
bits_of(const struct pollfd *p)
{
	int bits = 0;

	if ((p->revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		bits |= CURL_CSELECT_IN;
	if ((p->revents & (POLLOUT | POLLERR)) != 0 &&
	    (p->events & POLLOUT) != 0)
		bits |= CURL_CSELECT_OUT;
	return bits;
}

static void
work(struct multi *m)
{
	size_t n = 0;
	int running;

	for (size_t i = 0; i < m->n; i++)
		if (m->fds[i].revents != 0)
			m->ready[n++] = m->fds[i];
	for (size_t i = 0; i < n; i++)
		(void)curl_multi_socket_action(
		    m->curl, m->ready[i].fd, bits_of(&m->ready[i]), &running);
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

int
multi_wait(
    struct multi *m, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	int ready = 0;

	if (grow(m, m->n + n) == -1)
		return 0;
	if (n > 0)
		memcpy(m->fds + m->n, extra, n * sizeof(*extra));
	if (poll(m->fds, m->n + n, at_most(m, timeout_ms)) <= 0)
		for (size_t i = 0; i < m->n + n; i++)
			m->fds[i].revents = 0;
	for (unsigned int i = 0; i < n; i++) {
		extra[i].revents = m->fds[m->n + i].revents;
		ready += extra[i].revents != 0;
	}
	work(m);
	return ready;
}
