#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file.h"
#include "transfer.h"

static const char no_memory[] = "out of memory";

int
transfer_append(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer == NULL)
		return -1;
	*list = longer;
	return 0;
}

static int
add_line(struct transfer *t, const char *line, const char **fault)
{
	/* "name;" is how curl is told of a header without a value. */
	if (*line == ':' || *line == ';' || strpbrk(line, ":;") == NULL)
		*fault = "it is no header, \"name: value\"";
	else if (strpbrk(line, "\r\n") != NULL)
		*fault = "it has a line break";
	else if (transfer_append(&t->headers, line) == -1)
		*fault = no_memory;
	else
		return 0;
	return -1;
}

static int
add_lines(struct transfer *t, char *lines, const char **fault)
{
	char *line;

	while ((line = strsep(&lines, "\n")) != NULL) {
		line[strcspn(line, "\r")] = '\0';
		if (*line != '\0' && add_line(t, line, fault) == -1)
			return -1;
	}
	return 0;
}

int
transfer_add_header(struct transfer *t, const char *arg, const char **fault)
{
	struct sse_buf b = { 0 };
	int r;

	if (*arg != '@')
		return add_line(t, arg, fault);
	if ((r = file_read(arg + 1, &b, fault)) == 0) {
		if (sse_buf_append(&b, "", 1) == -1) {
			*fault = no_memory;
			r = -1;
		} else
			r = add_lines(t, b.ptr, fault);
	}
	if (b.ptr != NULL)
		explicit_bzero(b.ptr, b.len);
	sse_buf_free(&b);
	return r;
}

/* As curl does: a file's line breaks and NULs are left out. */
static void
drop_breaks(struct sse_buf *b, size_t from)
{
	size_t to = from;

	for (size_t i = from; i < b->len; i++)
		if (b->ptr[i] != '\n' && b->ptr[i] != '\r' && b->ptr[i] != '\0')
			b->ptr[to++] = b->ptr[i];
	b->len = to;
}

static bool
has_header(const struct transfer *t, const char *name)
{
	size_t len = strlen(name);

	for (const struct curl_slist *h = t->headers; h != NULL; h = h->next)
		if (strncasecmp(h->data, name, len) == 0 &&
		    (h->data[len] == ':' || h->data[len] == ';'))
			return true;
	return false;
}

int
transfer_add_data(struct transfer *t, enum transfer_data how, const char *arg,
    const char **fault)
{
	size_t from;

	*fault = no_memory;
	if (t->has_data && how != DATA_JSON &&
	    sse_buf_append(&t->data, "&", 1) == -1)
		return -1;
	t->has_data = true;
	t->json = t->json || how == DATA_JSON;
	if (*arg != '@' || how == DATA_RAW)
		return sse_buf_append(&t->data, arg, strlen(arg));
	from = t->data.len;
	if (file_read(arg + 1, &t->data, fault) == -1)
		return -1;
	if (how == DATA_PLAIN)
		drop_breaks(&t->data, from);
	return 0;
}

int
transfer_finish(struct transfer *t)
{
	if (t->json && !has_header(t, "Content-Type") &&
	    transfer_append(&t->headers, "Content-Type: application/json") ==
		-1)
		return -1;
	if (t->compressed)
		return 0;
	t->undecoded = has_header(t, "Accept-Encoding");
	/* Without it libcurl asks for what it is only to decode. */
	return t->undecoded ? 0
			    : transfer_append(&t->headers, "Accept-Encoding:");
}

bool
transfer_once(const struct transfer *t)
{
	if (t->method != NULL)
		return strcmp(t->method, "GET") != 0;
	return t->has_data;
}

#define SET(option, value) \
	(curl_easy_setopt(easy, (option), (value)) == CURLE_OK)
#define SET_TEXT(option, value) ((value) == NULL || SET(option, value))

static bool
set_body(CURL *easy, const struct transfer *t)
{
	if (!t->has_data)
		return true;
	return SET(CURLOPT_POST, 1L) &&
	    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->data.len) &&
	    SET(CURLOPT_POSTFIELDS, t->data.len > 0 ? t->data.ptr : "");
}

static bool
set_tls(CURL *easy, const struct transfer *t)
{
	if (t->insecure &&
	    (!SET(CURLOPT_SSL_VERIFYPEER, 0L) ||
		!SET(CURLOPT_SSL_VERIFYHOST, 0L)))
		return false;
	return SET_TEXT(CURLOPT_CAINFO, t->cacert) &&
	    SET_TEXT(CURLOPT_CAPATH, t->capath) &&
	    SET_TEXT(CURLOPT_SSLCERT, t->cert) &&
	    SET_TEXT(CURLOPT_SSLKEY, t->key);
}

static bool
set_cookies(CURL *easy, const struct transfer *t)
{
	if (t->cookies == NULL)
		return true;
	if (strchr(t->cookies, '=') != NULL)
		return SET(CURLOPT_COOKIE, t->cookies);
	return SET(CURLOPT_COOKIEFILE, t->cookies);
}

/* libcurl sends none of these to another host that a redirection names. */
static bool
set_credentials(CURL *easy, const struct transfer *t)
{
	unsigned long how = t->digest ? CURLAUTH_DIGEST : CURLAUTH_BASIC;
	bool netrc = t->netrc || t->netrc_file != NULL;

	if (t->bearer != NULL)
		how = CURLAUTH_BEARER;
	return SET(CURLOPT_HTTPAUTH, how) &&
	    SET_TEXT(CURLOPT_USERPWD, t->user) &&
	    SET_TEXT(CURLOPT_XOAUTH2_BEARER, t->bearer) &&
	    (!netrc || SET(CURLOPT_NETRC, (long)CURL_NETRC_REQUIRED)) &&
	    SET_TEXT(CURLOPT_NETRC_FILE, t->netrc_file);
}

/* What lies between here and the server. */
static bool
set_way(CURL *easy, const struct transfer *t)
{
	return SET(CURLOPT_IPRESOLVE, t->ip) &&
	    SET_TEXT(CURLOPT_PROXY, t->proxy) &&
	    SET_TEXT(CURLOPT_NOPROXY, t->noproxy) &&
	    SET_TEXT(CURLOPT_PROXYUSERPWD, t->proxy_user) &&
	    SET_TEXT(CURLOPT_RESOLVE, t->resolve) &&
	    SET_TEXT(CURLOPT_CONNECT_TO, t->connect_to) &&
	    SET_TEXT(CURLOPT_INTERFACE, t->interface) &&
	    SET_TEXT(CURLOPT_UNIX_SOCKET_PATH, t->unix_socket);
}

int
transfer_setup(CURL *easy, const void *arg)
{
	const struct transfer *t = arg;
	char agent[64];

	snprintf(agent, sizeof(agent), "%s/" SSE_VERSION, getprogname());
	return set_body(easy, t) && set_tls(easy, t) && set_cookies(easy, t) &&
		set_credentials(easy, t) && set_way(easy, t) &&
		SET(CURLOPT_USERAGENT, t->agent != NULL ? t->agent : agent) &&
		/* What is for the server is not for a proxy. */
		SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE) &&
		SET_TEXT(CURLOPT_CUSTOMREQUEST, t->method) &&
		(t->http == 0 || SET(CURLOPT_HTTP_VERSION, t->http)) &&
		(t->undecoded || SET(CURLOPT_ACCEPT_ENCODING, ""))
	    ? 0
	    : -1;
}

static void
forget(char *secret)
{
	if (secret != NULL)
		freezero(secret, strlen(secret));
}

void
transfer_free(struct transfer *t)
{
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->resolve);
	curl_slist_free_all(t->connect_to);
	sse_buf_free(&t->data);
	forget(t->user);
	forget(t->bearer);
	forget(t->proxy_user);
	forget(t->cookies);
}
