#include <ctype.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "event.h"

#define UNIX_PREFIX "unix:"

/* The functions of libcurl that are called, found by their names. */
struct curl {
	void *handle;
	__typeof__(curl_easy_init) *init;
	__typeof__(curl_easy_setopt) *setopt;
	__typeof__(curl_easy_perform) *perform;
	__typeof__(curl_easy_getinfo) *getinfo;
	__typeof__(curl_easy_strerror) *strerror;
	__typeof__(curl_easy_cleanup) *cleanup;
	__typeof__(curl_slist_append) *append;
	__typeof__(curl_slist_free_all) *free_all;
};

struct http {
	struct curl curl;
	CURL *easy;
	struct curl_slist *headers;
	const char *base; /* borrowed */
	struct sse_buf body;
	char why[CURL_ERROR_SIZE];
};

static int
curl_load(struct curl *c)
{
	const struct {
		const char *name;
		void *to;
	} names[] = {
		{ "curl_easy_init", &c->init },
		{ "curl_easy_setopt", &c->setopt },
		{ "curl_easy_perform", &c->perform },
		{ "curl_easy_getinfo", &c->getinfo },
		{ "curl_easy_strerror", &c->strerror },
		{ "curl_easy_cleanup", &c->cleanup },
		{ "curl_slist_append", &c->append },
		{ "curl_slist_free_all", &c->free_all },
	};

	if ((c->handle = dlopen("libcurl.so.4", RTLD_NOW)) == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void *f = dlsym(c->handle, names[i].name);

		if (f == NULL)
			return -1;
		memcpy(names[i].to, &f, sizeof(f));
	}
	return 0;
}

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

/* Append a header line; -1 when memory ran out. */
static int
add_header(struct http *h, const char *line)
{
	struct curl_slist *l = h->curl.append(h->headers, line);

	if (l == NULL)
		return -1;
	h->headers = l;
	return 0;
}

static int
set_up(struct http *h)
{
	const struct curl *c = &h->curl;

	if ((h->easy = c->init()) == NULL ||
	    add_header(h, "Content-Type: text/event-stream") == -1 ||
	    add_header(h, "Accept: text/plain") == -1 ||
	    add_header(h, "Expect:") == -1)
		return -1;
	c->setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
	c->setopt(h->easy, CURLOPT_ERRORBUFFER, h->why);
	c->setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
	c->setopt(h->easy, CURLOPT_USERAGENT, "sse-pub/" SSE_VERSION);
	c->setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	c->setopt(h->easy, CURLOPT_WRITEFUNCTION, take_body);
	c->setopt(h->easy, CURLOPT_WRITEDATA, h);
	/*
	 * A request on a connection that was kept, and has died, libcurl sends
	 * again by itself; it might be published twice.
	 */
	c->setopt(h->easy, CURLOPT_FORBID_REUSE, 1L);
	if (strncmp(h->base, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		c->setopt(h->easy, CURLOPT_UNIX_SOCKET_PATH,
		    h->base + strlen(UNIX_PREFIX));
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
	if (curl_load(&h->curl) == -1) {
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
	if (h->curl.handle != NULL)
		dlclose(h->curl.handle);
	sse_buf_free(&h->body);
	free(h);
}

const char *
http_base_fault(const char *base)
{
	const char *host;

	if (strncmp(base, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return base[strlen(UNIX_PREFIX)] == '\0' ? "it names no socket"
							 : NULL;
	if (strncmp(base, "http://", 7) != 0 &&
	    strncmp(base, "https://", 8) != 0)
		return "it is not http://HOST, https://HOST or unix:PATH";
	host = strstr(base, "://") + 3;
	if (*host == '\0' || *host == '/')
		return "it names no host";
	if (strpbrk(base, "?# \t\r\n") != NULL)
		return "it has more than a host and a path";
	if (strstr(host, "/events/") != NULL)
		return "it names a channel: give the server there, and the "
		       "channel as an operand";
	return NULL;
}

char *
http_shown(const char *base)
{
	const char *host = strstr(base, "://");
	char *shown = strdup(base), *to;
	size_t user;

	if (shown == NULL || host == NULL)
		return shown;
	host += strlen("://");
	user = strcspn(host, "/@");
	if (host[user] != '@')
		return shown;
	/* A second @ is still before the host. */
	while (host[user] == '@') {
		host += user + 1;
		user = strcspn(host, "/@");
	}
	to = strstr(shown, "://") + strlen("://");
	memmove(to, host, strlen(host) + 1);
	return shown;
}

static bool
unreserved(char c)
{
	return isalnum((unsigned char)c) || strchr("-._~", c) != NULL;
}

char *
http_target(const char *base, struct sse_text channel)
{
	static const char events[] = "/events";
	bool is_unix = strncmp(base, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
	struct sse_text start = text_of(is_unix ? "http://localhost" : base);
	struct sse_buf b = { 0 };
	char hex[3] = "%";

	while (start.len > 0 && start.ptr[start.len - 1] == '/')
		start.len--;
	if (start.len > strlen(events) &&
	    memcmp(start.ptr + start.len - strlen(events), events,
		strlen(events)) == 0)
		start.len -= strlen(events);
	if (sse_buf_reserve(
		&b, start.len + strlen(events) + 3 * channel.len + 2) == -1)
		return NULL;
	/* There is room for all of it, so nothing below can fail. */
	sse_buf_append(&b, start.ptr, start.len);
	sse_buf_append(&b, "/events/", strlen(events) + 1);
	for (size_t i = 0; i < channel.len; i++) {
		char c = channel.ptr[i];

		hex[1] = "0123456789ABCDEF"[(unsigned char)c >> 4];
		hex[2] = "0123456789ABCDEF"[c & 15];
		if (unreserved(c))
			sse_buf_append(&b, &c, 1);
		else
			sse_buf_append(&b, hex, 3);
	}
	sse_buf_append(&b, "", 1);
	return b.ptr;
}

/* May the peer have got the request, when the transfer failed so? */
static bool
may_have_arrived(CURLcode code, curl_off_t connect_us)
{
	return connect_us > 0 && code != CURLE_COULDNT_CONNECT &&
	    code != CURLE_SSL_CONNECT_ERROR &&
	    code != CURLE_PEER_FAILED_VERIFICATION;
}

static void
read_answer(struct http *h, CURLcode code, struct http_answer *a)
{
	const struct curl *c = &h->curl;
	curl_off_t retry_s = 0, connect_us = 0;
	char *type = NULL;

	*a = (struct http_answer){ .type = "", .fault = h->why };
	a->body = (struct sse_text){ h->body.ptr, h->body.len };
	if (h->why[0] == '\0')
		a->fault = c->strerror(code);
	if (code != CURLE_OK) {
		c->getinfo(h->easy, CURLINFO_CONNECT_TIME_T, &connect_us);
		a->unsure = may_have_arrived(code, connect_us);
		return;
	}
	c->getinfo(h->easy, CURLINFO_RESPONSE_CODE, &a->status);
	c->getinfo(h->easy, CURLINFO_RETRY_AFTER, &retry_s);
	c->getinfo(h->easy, CURLINFO_CONTENT_TYPE, &type);
	a->retry_after_ms = retry_s > 0 ? retry_s * 1000 : -1;
	if (type != NULL)
		a->type = type;
}

int
http_post(struct http *h, struct sse_text channel, const struct sse_buf *b,
    int64_t timeout_ms, struct http_answer *a)
{
	const struct curl *c = &h->curl;
	char *url = http_target(h->base, channel);

	if (url == NULL)
		return -1;
	h->body.len = 0;
	h->why[0] = '\0';
	c->setopt(h->easy, CURLOPT_URL, url);
	c->setopt(h->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	c->setopt(h->easy, CURLOPT_POST, 1L);
	c->setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)b->len);
	c->setopt(h->easy, CURLOPT_POSTFIELDS, b->ptr);
	read_answer(h, c->perform(h->easy), a);
	free(url);
	return 0;
}
