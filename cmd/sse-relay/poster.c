#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <unistd.h>

#include "poster.h"
#include "transfer.h"
#include "units.h"
#include "verdict.h"

struct poster {
	const struct follow_conf *conf;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	int epoll;      /* the sockets that curl waits for */
	int64_t due_ms; /* when curl wants to be called; -1: not by time */
	bool busy;
	struct sse_buf answer;
	char said[CURL_ERROR_SIZE];
};

void
poster_free(struct poster *p)
{
	if (p == NULL)
		return;
	if (p->busy)
		(void)curl_multi_remove_handle(p->multi, p->easy);
	if (p->easy != NULL)
		curl_easy_cleanup(p->easy);
	if (p->multi != NULL)
		(void)curl_multi_cleanup(p->multi);
	curl_slist_free_all(p->headers);
	sse_buf_free(&p->answer);
	if (p->epoll != -1)
		close(p->epoll);
	free(p);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct poster *p = arg;
	struct epoll_event e = { .data.fd = fd };

	(void)easy;
	(void)known;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if ((what & CURL_POLL_IN) != 0)
		e.events |= EPOLLIN;
	if ((what & CURL_POLL_OUT) != 0)
		e.events |= EPOLLOUT;
	if (epoll_ctl(p->epoll, EPOLL_CTL_MOD, fd, &e) == -1)
		(void)epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e);
	return 0;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
	struct poster *p = arg;

	(void)multi;
	p->due_ms = ms < 0 ? -1 : clock_mono_ms() + ms;
	return 0;
}

static size_t
on_body(char *s, size_t size, size_t n, void *arg)
{
	struct poster *p = arg;
	size_t len = size * n, room = POSTER_BODY_MAX - p->answer.len;

	if (sse_buf_append(&p->answer, s, len < room ? len : room) == -1)
		return 0;
	return len;
}

#define SET(option, value) \
	(curl_easy_setopt(p->easy, (option), (value)) == CURLE_OK)
#define SET_MULTI(option, value) \
	(curl_multi_setopt(p->multi, (option), (value)) == CURLM_OK)

static bool
build(struct poster *p)
{
	int64_t connect_ms = p->conf->connect_ms != 0 ? p->conf->connect_ms
						      : FOLLOW_CONNECT_MS;

	return (p->epoll = epoll_create1(EPOLL_CLOEXEC)) != -1 &&
	    (p->multi = curl_multi_init()) != NULL &&
	    (p->easy = curl_easy_init()) != NULL &&
	    SET_MULTI(CURLMOPT_SOCKETFUNCTION, on_socket) &&
	    SET_MULTI(CURLMOPT_SOCKETDATA, p) &&
	    SET_MULTI(CURLMOPT_TIMERFUNCTION, on_timer) &&
	    SET_MULTI(CURLMOPT_TIMERDATA, p) &&
	    SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
	    SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_NOPROGRESS, 1L) &&
	    SET(CURLOPT_TCP_KEEPALIVE, 1L) &&
	    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms) &&
	    SET(CURLOPT_TIMEOUT_MS, (long)(connect_ms + POSTER_ANSWER_MS)) &&
	    SET(CURLOPT_ERRORBUFFER, p->said) &&
	    SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, p) &&
	    (p->conf->setup == NULL ||
		p->conf->setup(p->easy, p->conf->arg) == 0);
}

struct poster *
poster_new(const struct follow_conf *http)
{
	struct poster *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->conf = http;
	p->epoll = -1;
	p->due_ms = -1;
	if (build(p))
		return p;
	poster_free(p);
	errno = ENOMEM;
	return NULL;
}

/* Ours and then the user's.  No "Expect: 100-continue", which costs a second. */
static int
bear_headers(struct poster *p, const char *key)
{
	const struct curl_slist *h;

	curl_slist_free_all(p->headers);
	p->headers = NULL;
	if (transfer_append(&p->headers, "Content-Type: text/event-stream") ==
		-1 ||
	    transfer_append(&p->headers, "Expect:") == -1 ||
	    transfer_append(&p->headers, key) == -1)
		return -1;
	for (h = p->conf->headers; h != NULL; h = h->next)
		if (transfer_append(&p->headers, h->data) == -1)
			return -1;
	return SET(CURLOPT_HTTPHEADER, p->headers) ? 0 : -1;
}

int
poster_send(struct poster *p, const char *url, const char *key,
    const struct sse_buf *body)
{
	p->answer.len = 0;
	p->said[0] = '\0';
	if (bear_headers(p, key) == -1 || !SET(CURLOPT_URL, url) ||
	    !SET(CURLOPT_POST, 1L) ||
	    !SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len) ||
	    !SET(CURLOPT_POSTFIELDS, body->ptr) ||
	    curl_multi_add_handle(p->multi, p->easy) != CURLM_OK) {
		errno = ENOMEM;
		return -1;
	}
	p->busy = true;
	return 0;
}

#undef SET
#undef SET_MULTI

static void
read_answer(struct poster *p, CURLcode code, struct poster_answer *a)
{
	curl_off_t retry_s = 0;
	long os = 0, checked = 0;

	*a = (struct poster_answer){
		.retry_after_ms = -1, .fault = p->said, .remedy = ""
	};
	a->body = (struct sse_text){ p->answer.ptr, p->answer.len };
	if (code == CURLE_OK) {
		(void)curl_easy_getinfo(
		    p->easy, CURLINFO_RESPONSE_CODE, &a->status);
		(void)curl_easy_getinfo(
		    p->easy, CURLINFO_RETRY_AFTER, &retry_s);
		if (retry_s > 0)
			a->retry_after_ms = retry_s * 1000;
		return;
	}
	a->fault_status = verdict_of_failure(code).status;
	(void)curl_easy_getinfo(p->easy, CURLINFO_SSL_VERIFYRESULT, &checked);
	a->remedy = verdict_remedy(code, checked);
	(void)curl_easy_getinfo(p->easy, CURLINFO_OS_ERRNO, &os);
	if (code == CURLE_COULDNT_CONNECT && os != 0)
		a->fault = strerror((int)os);
	else if (p->said[0] == '\0')
		a->fault = curl_easy_strerror(code);
}

int
poster_step(struct poster *p, struct poster_answer *a)
{
	struct epoll_event ready[8];
	int n, running, left;
	CURLMsg *m;

	if (!p->busy)
		return 0;
	if (p->due_ms != -1 && clock_mono_ms() >= p->due_ms) {
		p->due_ms = -1;
		(void)curl_multi_socket_action(
		    p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	n = epoll_wait(p->epoll, ready, 8, 0);
	for (int i = 0; i < n; i++) {
		int what = (ready[i].events & (EPOLLIN | EPOLLHUP)) != 0
		    ? CURL_CSELECT_IN
		    : 0;

		if ((ready[i].events & EPOLLOUT) != 0)
			what |= CURL_CSELECT_OUT;
		if ((ready[i].events & EPOLLERR) != 0)
			what |= CURL_CSELECT_ERR;
		(void)curl_multi_socket_action(
		    p->multi, ready[i].data.fd, what, &running);
	}
	while ((m = curl_multi_info_read(p->multi, &left)) != NULL) {
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_multi_remove_handle(p->multi, p->easy);
		p->busy = false;
		read_answer(p, code, a);
		return 1;
	}
	return 0;
}

int
poster_fd(const struct poster *p)
{
	return p->epoll;
}

int
poster_wait_ms(const struct poster *p)
{
	int64_t left_ms = p->due_ms - clock_mono_ms();

	if (!p->busy || p->due_ms == -1)
		return -1;
	return left_ms > 0 ? (int)left_ms : 0;
}
