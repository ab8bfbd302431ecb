#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint_http.h"
#include "event.h"
#include "request.h"

#define EVENTS "/events"

static int
add_channel(struct endpoint *e, const char *s, size_t len, const char **fault)
{
	char **longer, *name;
	int n;

	longer = reallocarray(
	    e->channels, e->nchannels + 1, sizeof(*e->channels));
	if (longer == NULL)
		return -1;
	e->channels = longer;
	name = curl_easy_unescape(NULL, s, (int)len, &n);
	if (name == NULL)
		return -1;
	if (!channel_valid((struct sse_text){ name, (size_t)n })) {
		curl_free(name);
		*fault = "its path names a channel that cannot be one";
		return -1;
	}
	e->channels[e->nchannels] = strdup(name);
	curl_free(name);
	return e->channels[e->nchannels++] != NULL ? 0 : -1;
}

/* Names joined by commas, each percent-encoded. */
static int
add_channels(struct endpoint *e, const char *s, const char **fault)
{
	while (*s != '\0') {
		size_t len = strcspn(s, ",");

		if (len > 0 && add_channel(e, s, len, fault) == -1)
			return -1;
		s += len + (s[len] == ',');
	}
	return 0;
}

/* What "channel=" in the query names. */
static int
add_query(struct endpoint *e, const char *s, const char **fault)
{
	while (*s != '\0') {
		size_t len = strcspn(s, "&");

		if (len > 8 && strncmp(s, "channel=", 8) == 0 &&
		    add_channel(e, s + 8, len - 8, fault) == -1)
			return -1;
		s += len + (s[len] == '&');
	}
	return 0;
}

/* Behind the last "/events" of a path that ends with it or with channels. */
static const char *
behind_events(const char *path)
{
	const char *at = NULL, *p = path;

	while ((p = strstr(p, EVENTS)) != NULL) {
		p += strlen(EVENTS);
		if (*p == '\0' || (*p == '/' && strchr(p + 1, '/') == NULL))
			at = p;
	}
	return at;
}

static int
read_path(struct endpoint *e, CURLU *u, const char **fault)
{
	char *path = NULL, *query = NULL;
	const char *rest;
	int rc = -1;

	if (curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK)
		return -1;
	(void)curl_url_get(u, CURLUPART_QUERY, &query, 0);
	rest = behind_events(path);
	e->bare = strpbrk(strstr(e->text, "://") + 3, "/?#") == NULL;
	e->serve = rest != NULL || strcmp(path, "/") == 0;
	if ((rest == NULL || *rest == '\0' ||
		add_channels(e, rest + 1, fault) == 0) &&
	    (!e->serve || query == NULL || add_query(e, query, fault) == 0))
		rc = 0;
	curl_free(path);
	curl_free(query);
	return rc;
}

static int
read_url(struct endpoint *e, CURLU *u, const char **fault)
{
	char *text = NULL, *host = NULL;
	int rc = -1;

	if (curl_url_set(u, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK) {
		e->local = endpoint_loopback(host);
		e->identity = strdup(text);
		e->shown = request_shown(text);
		e->url = strdup(e->text);
		rc = read_path(e, u, fault);
	}
	curl_free(text);
	curl_free(host);
	return e->identity != NULL && e->shown != NULL && e->url != NULL ? rc
									 : -1;
}

int
endpoint_http_parse(struct endpoint *e, const char **fault)
{
	CURLU *u = curl_url();
	CURLUcode code = CURLUE_OUT_OF_MEMORY;
	int rc = -1;

	if (u != NULL)
		code = curl_url_set(u, CURLUPART_URL, e->text, 0);
	if (code == CURLUE_OK)
		rc = read_url(e, u, fault);
	else if (code != CURLUE_OUT_OF_MEMORY)
		*fault = curl_url_strerror(code);
	curl_url_cleanup(u);
	return rc;
}

/* Change the path.  -1 with ENOMEM. */
static int
set_path(struct endpoint *e, const char *path)
{
	CURLU *u = curl_url();
	char *text = NULL;
	int rc = -1;

	if (u != NULL &&
	    curl_url_set(u, CURLUPART_URL, e->url, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_PATH, path, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK) {
		free(e->url);
		rc = (e->url = strdup(text)) == NULL ? -1 : 0;
	}
	curl_free(text);
	curl_url_cleanup(u);
	return rc;
}

int
endpoint_http_read(struct endpoint *e, char *const *channels, size_t n)
{
	struct sse_buf b = { NULL, 0, 0 };
	int rc = sse_buf_append(&b, EVENTS, strlen(EVENTS));

	for (size_t i = 0; i < n && rc == 0; i++) {
		char *name = curl_easy_escape(NULL, channels[i], 0);

		rc = name == NULL || sse_buf_append(&b, i == 0 ? "/" : ",", 1)
		    ? -1
		    : sse_buf_append(&b, name, strlen(name));
		curl_free(name);
	}
	if (rc == 0)
		rc = sse_buf_append(&b, "", 1);
	if (rc == 0)
		rc = set_path(e, b.ptr);
	sse_buf_free(&b);
	return rc;
}

int
endpoint_http_base(struct endpoint *e)
{
	CURLU *u = curl_url();
	char *path = NULL;
	const char *rest;
	int rc = -1;

	if (u != NULL &&
	    curl_url_set(u, CURLUPART_URL, e->url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK) {
		if ((rest = behind_events(path)) != NULL)
			path[(size_t)(rest - path) - strlen(EVENTS)] = '\0';
		rc = set_path(e, *path != '\0' ? path : "/");
	}
	curl_free(path);
	curl_url_cleanup(u);
	return rc;
}
