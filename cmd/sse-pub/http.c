#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "event.h"
#include "http.h"
#include "http_url.h"
#include "libcurl.h"
#include "secret.h"
#include "verdict.h"

struct http {
	struct libcurl curl;
	CURL *easy;
	struct curl_slist *headers; /* of every request */
	struct curl_slist *own;     /* of the one that is made */
	const char *base;           /* borrowed */
	const volatile sig_atomic_t *stop;
	struct sse_buf body;
	int64_t reached;
	bool replayed;
	bool headed; /* the answer's headers have come to their end */
	char why[CURL_ERROR_SIZE];
};

/* What is beyond the bound is read and forgotten. */
static size_t
take_body(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;
	size_t left = HTTP_BODY_MAX - h->body.len;

	n *= size;
	if (sse_buf_append(&h->body, p, n < left ? n : left) == -1)
		return 0;
	return n;
}

/* The value of a header line of this name, up to a space; else NULL. */
static const char *
value_of(struct sse_text line, const char *name, char *buf, size_t cap)
{
	size_t at = strlen(name), len = 0;

	if (line.len <= at || strncasecmp(line.ptr, name, at) != 0 ||
	    line.ptr[at++] != ':')
		return NULL;
	while (at < line.len && (line.ptr[at] == ' ' || line.ptr[at] == '\t'))
		at++;
	while (at < line.len && len < cap - 1 &&
	    strchr(" \t\r\n", line.ptr[at]) == NULL)
		buf[len++] = line.ptr[at++];
	buf[len] = '\0';
	return buf;
}

/* A header of the answer. */
static size_t
take_header(char *p, size_t size, size_t n, void *arg)
{
	struct sse_text line = { p, n * size };
	struct http *h = arg;
	char buf[24];

	h->headed = line.len > 0 && (*p == '\r' || *p == '\n');
	if (value_of(line, "Sse-Reached", buf, sizeof(buf)) != NULL)
		h->reached = strtoll(buf, NULL, 10);
	if (value_of(line, "Idempotent-Replayed", buf, sizeof(buf)) != NULL)
		h->replayed = strcmp(buf, "true") == 0;
	return line.len;
}

/* About once a second, and whenever something happens. */
static int
look_up(void *arg, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
	const struct http *h = arg;

	(void)dt;
	(void)dn;
	(void)ut;
	(void)un;
	return h->stop != NULL && *h->stop;
}

/* Append a header line; -1 when memory ran out. */
static int
append(struct http *h, struct curl_slist **list, const char *line)
{
	struct curl_slist *l = h->curl.append(*list, line);

	if (l == NULL)
		return -1;
	*list = l;
	return 0;
}

static int
add_header(struct http *h, const char *line)
{
	return append(h, &h->headers, line);
}

static int
set_up(struct http *h)
{
	const struct libcurl *c = &h->curl;

	if ((h->easy = c->init()) == NULL ||
	    add_header(h, "Content-Type: text/event-stream") == -1 ||
	    add_header(h, "Accept: text/plain") == -1 ||
	    add_header(h, "Expect:") == -1)
		return -1;
	c->setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
	c->setopt(h->easy, CURLOPT_ERRORBUFFER, h->why);
	c->setopt(h->easy, CURLOPT_USERAGENT, "sse-pub/" SSE_VERSION);
	c->setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	c->setopt(h->easy, CURLOPT_WRITEFUNCTION, take_body);
	c->setopt(h->easy, CURLOPT_WRITEDATA, h);
	c->setopt(h->easy, CURLOPT_HEADERFUNCTION, take_header);
	c->setopt(h->easy, CURLOPT_HEADERDATA, h);
	c->setopt(h->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	if (strncmp(h->base, HTTP_UNIX, strlen(HTTP_UNIX)) == 0)
		c->setopt(h->easy, CURLOPT_UNIX_SOCKET_PATH,
		    h->base + strlen(HTTP_UNIX));
	return 0;
}

struct http *
http_new(const char *base, const char **fault)
{
	struct http *h = calloc(1, sizeof(*h));

	*fault = "out of memory";
	if (h == NULL)
		return NULL;
	h->base = base;
	if (libcurl_load(&h->curl) == -1) {
		*fault = "libcurl.so.4 is needed for -u, and is not there "
			 "(Debian: libcurl4)";
		http_free(h);
		return NULL;
	}
	if (set_up(h) == -1) {
		http_free(h);
		return NULL;
	}
	return h;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	if (h->easy != NULL)
		h->curl.cleanup(h->easy);
	if (h->headers != NULL)
		h->curl.free_all(h->headers);
	if (h->own != NULL)
		h->curl.free_all(h->own);
	sse_buf_free(&h->body);
	free(h);
}

#define SECRET_MAX ((size_t)64 << 10) /* bytes of a file with headers */

/* Whole, with a NUL behind it, to be freed; NULL with errno. */
static char *
read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), saved;
	char *text = calloc(1, SECRET_MAX + 1);
	size_t len = 0;
	ssize_t n = -1;

	if (fd != -1 && text != NULL) {
		if (secret_lax_fd(fd))
			warnx(SECRET_LAX, path);
		while ((n = read(fd, text + len, SECRET_MAX - len)) > 0)
			len += (size_t)n;
	}
	saved = errno;
	if (fd != -1)
		close(fd);
	if (n == -1) {
		free(text);
		text = NULL;
	}
	errno = saved;
	return text;
}

static int
add_line(struct http *h, const char *line, const char **fault)
{
	*fault = "it is not of the form 'Name: value'";
	if (strpbrk(line, "\r\n") != NULL || line[0] == ':' ||
	    strpbrk(line, ":;") == NULL)
		return -1;
	*fault = "out of memory";
	return add_header(h, line);
}

int
http_add_header(struct http *h, const char *arg, const char **fault)
{
	char *text, *rest, *line;
	int r = 0;

	*fault = NULL;
	if (*arg != '@')
		return add_line(h, arg, fault);
	if ((text = rest = read_file(arg + 1)) == NULL)
		return -1;
	while (r == 0 && (line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, "\r")] = '\0';
		if (*line != '\0')
			r = add_line(h, line, fault);
	}
	freezero(text, SECRET_MAX + 1);
	return r;
}

int
http_set_bearer(struct http *h, const char *arg, const char **fault)
{
	static const char start[] = "Authorization: Bearer ";
	struct sse_buf b = { 0 };
	char *text = NULL;
	int r = -1;

	*fault = NULL;
	if (*arg == '@' && (arg = text = read_file(arg + 1)) == NULL)
		return -1;
	*fault = "it holds no token";
	if (strcspn(arg, " \t\r\n") > 0 &&
	    sse_buf_append(&b, start, strlen(start)) == 0 &&
	    sse_buf_append(&b, arg, strcspn(arg, " \t\r\n")) == 0 &&
	    sse_buf_append(&b, "", 1) == 0)
		r = add_line(h, b.ptr, fault);
	if (text != NULL)
		freezero(text, SECRET_MAX + 1);
	if (b.ptr != NULL)
		explicit_bzero(b.ptr, b.len);
	sse_buf_free(&b);
	return r;
}

int
http_set_tls(struct http *h, const struct http_tls *t)
{
	const struct libcurl *c = &h->curl;
	long check = t->insecure ? 0 : 1;

	if (c->setopt(h->easy, CURLOPT_SSL_VERIFYPEER, check) != CURLE_OK ||
	    c->setopt(h->easy, CURLOPT_SSL_VERIFYHOST, 2 * check) != CURLE_OK)
		return -1;
	if (t->cacert != NULL &&
	    c->setopt(h->easy, CURLOPT_CAINFO, t->cacert) != CURLE_OK)
		return -1;
	if (t->cert != NULL &&
	    c->setopt(h->easy, CURLOPT_SSLCERT, t->cert) != CURLE_OK)
		return -1;
	if (t->key != NULL &&
	    c->setopt(h->easy, CURLOPT_SSLKEY, t->key) != CURLE_OK)
		return -1;
	return 0;
}

void
http_set_stop(struct http *h, const volatile sig_atomic_t *stop)
{
	h->stop = stop;
	h->curl.setopt(h->easy, CURLOPT_XFERINFOFUNCTION, look_up);
	h->curl.setopt(h->easy, CURLOPT_XFERINFODATA, h);
	h->curl.setopt(h->easy, CURLOPT_NOPROGRESS, stop == NULL ? 1L : 0L);
}

/* May the peer have got the request, when the transfer failed so? */
static bool
may_have_arrived(CURLcode code, struct verdict v, curl_off_t connect_us)
{
	return connect_us > 0 && code != CURLE_COULDNT_CONNECT &&
	    code != CURLE_SSL_CONNECT_ERROR &&
	    code != CURLE_PEER_FAILED_VERIFICATION && v.status != EX_CONFIG;
}

/* There is no answer. */
static void
read_failure(struct http *h, CURLcode code, struct http_answer *a)
{
	const struct libcurl *c = &h->curl;
	struct verdict v = verdict_of_failure(code);
	curl_off_t connect_us = 0;
	long checked = 0;

	c->getinfo(h->easy, CURLINFO_CONNECT_TIME_T, &connect_us);
	c->getinfo(h->easy, CURLINFO_SSL_VERIFYRESULT, &checked);
	if (h->why[0] == '\0')
		a->fault = c->strerror(code);
	a->remedy = verdict_remedy(code, checked);
	a->unsure = may_have_arrived(code, v, connect_us);
	a->failure = v.status;
	a->final = v.what == VERDICT_NEVER;
}

static void
read_answer(struct http *h, CURLcode code, struct http_answer *a)
{
	const struct libcurl *c = &h->curl;
	curl_off_t retry_s = 0;
	char *type = NULL;

	*a = (struct http_answer){ .type = "",
		.fault = h->why,
		.remedy = "",
		.reached = h->reached,
		.replayed = h->replayed };
	a->body = (struct sse_text){ h->body.ptr, h->body.len };
	/* To libcurl, headers that break off are whole. */
	if (code == CURLE_OK && !h->headed)
		code = CURLE_PARTIAL_FILE;
	if (code != CURLE_OK) {
		read_failure(h, code, a);
		return;
	}
	c->getinfo(h->easy, CURLINFO_RESPONSE_CODE, &a->status);
	c->getinfo(h->easy, CURLINFO_RETRY_AFTER, &retry_s);
	c->getinfo(h->easy, CURLINFO_CONTENT_TYPE, &type);
	a->retry_after_ms = retry_s > 0 ? retry_s * 1000 : -1;
	if (type != NULL)
		a->type = type;
}

/* The headers of a request: those of every one, and line. */
static int
make_headers(struct http *h, const char *line)
{
	if (h->own != NULL)
		h->curl.free_all(h->own);
	h->own = NULL;
	for (const struct curl_slist *l = h->headers; l != NULL; l = l->next)
		if (append(h, &h->own, l->data) == -1)
			return -1;
	return line == NULL ? 0 : append(h, &h->own, line);
}

int
http_post(struct http *h, struct sse_text channel, const char *line,
    const struct sse_buf *b, int64_t timeout_ms, struct http_answer *a)
{
	const struct libcurl *c = &h->curl;
	char *url = http_target(h->base, channel);

	if (url == NULL || make_headers(h, line) == -1) {
		free(url);
		return -1;
	}
	h->body.len = 0;
	h->reached = -1;
	h->replayed = h->headed = false;
	h->why[0] = '\0';
	c->setopt(h->easy, CURLOPT_URL, url);
	c->setopt(h->easy, CURLOPT_HTTPHEADER, h->own);
	c->setopt(h->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	c->setopt(h->easy, CURLOPT_POST, 1L);
	c->setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)b->len);
	c->setopt(h->easy, CURLOPT_POSTFIELDS, b->ptr);
	read_answer(h, c->perform(h->easy), a);
	free(url);
	return 0;
}
