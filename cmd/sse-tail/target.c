#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "event.h"
#include "target.h"

#define EVENTS "/events"

static const char no_memory[] = "out of memory";

/* Append text and its NUL, which the next one overwrites.  -1: ENOMEM. */
static int
add(struct sse_buf *b, const char *s)
{
	if (sse_buf_append(b, s, strlen(s) + 1) == -1)
		return -1;
	b->len--;
	return 0;
}

static int
add_channels(struct sse_buf *b, const char *const *channels, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *name = curl_easy_escape(NULL, channels[i], 0);
		int r = name == NULL ? -1 : 0;

		if (r == 0 && i > 0)
			r = add(b, ",");
		if (r == 0)
			r = add(b, name);
		curl_free(name);
		if (r == -1)
			return -1;
	}
	return 0;
}

/* What stands between a path, which does not end in "/", and the channels. */
static const char *
joint(const char *path)
{
	size_t len = strlen(path), events = sizeof(EVENTS) - 1;
	const char *last = strrchr(path, '/');

	if (len >= events && strcmp(path + len - events, EVENTS) == 0)
		return "/";
	/* It names some already. */
	if (last != NULL && (size_t)(last - path) >= events &&
	    memcmp(last - events, EVENTS, events) == 0)
		return ",";
	return EVENTS "/";
}

static int
set_path(CURLU *u, const char *const *channels, size_t n)
{
	struct sse_buf b = { 0 };
	char *path = NULL;
	size_t len;
	int r = -1;

	if (curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK)
		return -1;
	len = strlen(path);
	while (len > 0 && path[len - 1] == '/')
		path[--len] = '\0';
	if (add(&b, path) == 0 && add(&b, joint(path)) == 0 &&
	    add_channels(&b, channels, n) == 0 &&
	    curl_url_set(u, CURLUPART_PATH, b.ptr, 0) == CURLUE_OK)
		r = 0;
	curl_free(path);
	sse_buf_free(&b);
	return r;
}

static const char *
check(CURLU *u, const char *url)
{
	CURLUcode code = curl_url_set(u, CURLUPART_URL, url,
	    CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME);
	char *scheme = NULL;
	bool http;

	if (code == CURLUE_OUT_OF_MEMORY)
		return no_memory;
	if (code == CURLUE_NO_HOST)
		return "it has no host";
	if (code != CURLUE_OK)
		return "it is no URL";
	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return no_memory;
	http = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
	/* A host that is called ftp.example.com is no reason to speak FTP. */
	if (!http && strstr(url, "://") == NULL)
		http = curl_url_set(u, CURLUPART_SCHEME, "http", 0) ==
		    CURLUE_OK;
	curl_free(scheme);
	return http ? NULL : "its scheme is neither http nor https";
}

static int
set_last(CURLU *u, unsigned long long last)
{
	char query[32];

	if (last == 0)
		return 0;
	snprintf(query, sizeof(query), "last=%llu", last);
	return curl_url_set(u, CURLUPART_QUERY, query, CURLU_APPENDQUERY) ==
		CURLUE_OK
	    ? 0
	    : -1;
}

char *
target_url(const char *url, const char *const *channels, size_t n,
    unsigned long long last, const char **fault)
{
	char *whole = NULL, *copy = NULL;
	CURLU *u = curl_url();

	*fault = u == NULL ? no_memory : check(u, url);
	if (*fault == NULL &&
	    ((n > 0 && set_path(u, channels, n) == -1) ||
		set_last(u, last) == -1 ||
		curl_url_get(u, CURLUPART_URL, &whole, 0) != CURLUE_OK ||
		(copy = strdup(whole)) == NULL))
		*fault = no_memory;
	curl_free(whole);
	curl_url_cleanup(u);
	return copy;
}
