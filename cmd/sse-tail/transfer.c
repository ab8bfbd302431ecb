#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "transfer.h"

#define FILE_MAX ((size_t)16 << 20)
#define AGENT "sse-tail/" SSE_VERSION

static const char no_memory[] = "out of memory";
static const char too_large[] = "it is larger than 16m";

static int
read_all(int fd, struct sse_buf *b, const char **fault)
{
	char piece[16384];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		*fault = b->len + (size_t)n > FILE_MAX ? too_large : no_memory;
		if (*fault == too_large ||
		    sse_buf_append(b, piece, (size_t)n) == -1)
			return -1;
		*fault = NULL;
	}
	return 0;
}

/* Append what a file holds; "-" is standard input. */
static int
read_file(const char *path, struct sse_buf *b, const char **fault)
{
	int fd = STDIN_FILENO, r, saved;

	*fault = NULL;
	if (strcmp(path, "-") != 0 &&
	    (fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	r = read_all(fd, b, fault);
	saved = errno;
	if (fd != STDIN_FILENO)
		(void)close(fd);
	errno = saved;
	return r;
}

static int
append(struct curl_slist **list, const char *line)
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
	else if (append(&t->headers, line) == -1)
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
	if ((r = read_file(arg + 1, &b, fault)) == 0) {
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

int
transfer_add_data(struct transfer *t, const char *arg, const char **fault)
{
	size_t from;

	*fault = no_memory;
	if (t->has_data && sse_buf_append(&t->data, "&", 1) == -1)
		return -1;
	t->has_data = true;
	if (*arg != '@')
		return sse_buf_append(&t->data, arg, strlen(arg));
	from = t->data.len;
	if (read_file(arg + 1, &t->data, fault) == -1)
		return -1;
	drop_breaks(&t->data, from);
	return 0;
}

int
transfer_add_resolve(struct transfer *t, const char *arg)
{
	return append(&t->resolve, arg);
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

int
transfer_setup(CURL *easy, const void *arg)
{
	const struct transfer *t = arg;
	const char *agent = t->agent != NULL ? t->agent : AGENT;

	return set_body(easy, t) && set_tls(easy, t) && set_cookies(easy, t) &&
		SET(CURLOPT_USERAGENT, agent) &&
		SET(CURLOPT_IPRESOLVE, t->ip) &&
		/* What is for the server is not for a proxy. */
		SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE) &&
		SET_TEXT(CURLOPT_CUSTOMREQUEST, t->method) &&
		SET_TEXT(CURLOPT_USERPWD, t->user) &&
		SET_TEXT(CURLOPT_PROXY, t->proxy) &&
		SET_TEXT(CURLOPT_RESOLVE, t->resolve) &&
		SET_TEXT(CURLOPT_UNIX_SOCKET_PATH, t->unix_socket) &&
		(!t->compressed || SET(CURLOPT_ACCEPT_ENCODING, "")) &&
		(!t->netrc || SET(CURLOPT_NETRC, (long)CURL_NETRC_REQUIRED))
	    ? 0
	    : -1;
}

void
transfer_free(struct transfer *t)
{
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->resolve);
	sse_buf_free(&t->data);
	if (t->user != NULL)
		freezero(t->user, strlen(t->user));
}
