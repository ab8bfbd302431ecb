#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "request.h"
#include "visible.h"

#define LAST_ID "Last-Event-ID"
#define REDIRECTS_MAX 20L
#define READ_BYTES (384L << 10) /* at once; small ones touch no more of it */

/*
 * The URL as messages show it: no user, no password, nothing that moves a
 * terminal's cursor.  NULL with ENOMEM.
 */
char *
request_shown(const char *url)
{
	CURLU *u = curl_url();
	char *plain = NULL, *shown;
	size_t cap;

	if (u == NULL)
		return NULL;
	if (curl_url_set(u, CURLUPART_URL, url,
		CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME |
		    CURLU_ALLOW_SPACE) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK)
		(void)curl_url_get(u, CURLUPART_URL, &plain, 0);
	curl_url_cleanup(u);
	/* One that cannot be read has no password that could be told apart. */
	if (plain == NULL)
		return strdup("the URL");
	cap = strlen(plain) * 4 + 4;
	if ((shown = malloc(cap)) != NULL)
		visible_line(text_of(plain), shown, cap);
	curl_free(plain);
	return shown;
}

static bool
names(const char *header, const char *name)
{
	size_t len = strlen(name);

	return strncasecmp(header, name, len) == 0 &&
	    (header[len] == ':' || header[len] == ';');
}

/* Has the user named this header?  Then it is not for us to say. */
static bool
named(const struct curl_slist *h, const char *name)
{
	for (; h != NULL; h = h->next)
		if (names(h->data, name))
			return true;
	return false;
}

/* Append a copy of line.  -1: out of memory, and the list is gone. */
static int
append(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer == NULL) {
		curl_slist_free_all(*list);
		*list = NULL;
		return -1;
	}
	*list = longer;
	return 0;
}

static int
add(struct curl_slist **list, const char *name, struct sse_text value)
{
	char *line;
	int r;

	if (value.len == 0)
		return 0;
	if (asprintf(&line, "%s: %.*s", name, (int)value.len, value.ptr) == -1)
		return -1;
	r = append(list, line);
	free(line);
	return r;
}

static int
add_show(struct curl_slist **list, const struct follow_conf *conf)
{
	const char *show = conf->show == NULL ? "" : conf->show;
	bool both = conf->ask_place && *show != '\0';
	char line[256];

	snprintf(line, sizeof(line), "%s%s%s", show, both ? "," : "",
	    conf->ask_place ? "place" : "");
	return add(list, "Sse-Show", text_of(line));
}

int
request_headers(struct curl_slist **list, const struct follow_conf *conf,
    struct sse_text last_id)
{
	const struct curl_slist *theirs = conf->headers;

	*list = NULL;
	for (const struct curl_slist *h = theirs; h != NULL; h = h->next) {
		/* Once there is a last event ID, theirs was for the first. */
		if (last_id.len > 0 && names(h->data, LAST_ID))
			continue;
		if (append(list, h->data) == -1)
			return -1;
	}
	if ((!named(theirs, "Accept") &&
		add(list, "Accept", TEXT("text/event-stream")) == -1) ||
	    (!named(theirs, "Cache-Control") &&
		add(list, "Cache-Control", TEXT("no-store")) == -1) ||
	    (!named(theirs, "Sse-Show") && add_show(list, conf) == -1) ||
	    (conf->strict && !named(theirs, "Sse-Order") &&
		add(list, "Sse-Order", TEXT("strict")) == -1) ||
	    add(list, LAST_ID, last_id) == -1) {
		curl_slist_free_all(*list);
		*list = NULL;
		return -1;
	}
	return 0;
}

/*
 * A peer whose machine has gone must be noticed, keep-alive comments or not; and
 * the connection is no business of a command that a program runs.
 */
static int
on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	const unsigned int unacknowledged_ms = 60000;

	(void)arg;
	(void)purpose;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
	    sizeof(unacknowledged_ms));
	return CURL_SOCKOPT_OK;
}

#define SET(option, value) \
	(curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

CURL *
request_new(const struct follow_conf *conf)
{
	int64_t connect_ms = conf->connect_ms != 0 ? conf->connect_ms
						   : FOLLOW_CONNECT_MS;
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		return NULL;
	if (SET(CURLOPT_URL, conf->url) &&
	    SET(CURLOPT_DEFAULT_PROTOCOL, "http") &&
	    SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
	    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https") &&
	    SET(CURLOPT_FOLLOWLOCATION, 1L) &&
	    SET(CURLOPT_MAXREDIRS, REDIRECTS_MAX) &&
	    SET(CURLOPT_BUFFERSIZE, READ_BYTES) && SET(CURLOPT_NOSIGNAL, 1L) &&
	    SET(CURLOPT_NOPROGRESS, 1L) &&
	    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) &&
	    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms) &&
	    SET(CURLOPT_TCP_KEEPALIVE, 1L) && SET(CURLOPT_TCP_KEEPIDLE, 30L) &&
	    SET(CURLOPT_TCP_KEEPINTVL, 10L) &&
	    SET(CURLOPT_SOCKOPTFUNCTION, on_socket) &&
	    (conf->setup == NULL || conf->setup(easy, conf->arg) == 0))
		return easy;
	curl_easy_cleanup(easy);
	return NULL;
}
