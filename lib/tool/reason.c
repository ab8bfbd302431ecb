#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <jansson.h>

#include "reason.h"
#include "visible.h"

/* What stands before the parameters: is it one of those? */
static bool
is_type(const char *type, const char *name)
{
	size_t len = strlen(name);

	return strncasecmp(type, name, len) == 0 &&
	    (type[len] == '\0' || strchr("; \t", type[len]) != NULL);
}

static bool
is_json(const char *type)
{
	return is_type(type, "application/problem+json") ||
	    is_type(type, "application/json");
}

static const char *
member(const json_t *object)
{
	static const char *const names[] = { "detail", "title", "message",
		"error" };
	const char *text = NULL;

	for (size_t i = 0; text == NULL && i < sizeof(names) / sizeof(names[0]);
	     i++)
		text = json_string_value(json_object_get(object, names[i]));
	return text;
}

static struct sse_text
first_line(struct sse_text t)
{
	size_t len = 0;

	while (len < t.len && t.ptr[len] != '\n' && t.ptr[len] != '\r')
		len++;
	return (struct sse_text){ t.ptr, len };
}

const char *
reason_of(const char *type, struct sse_text body, char buf[static REASON_LEN])
{
	const char *text;
	json_t *root;

	if (type != NULL && is_type(type, "text/plain"))
		return visible_line(first_line(body), buf, REASON_LEN);
	if (type == NULL || !is_json(type))
		return "";
	root = json_loadb(body.ptr, body.len, 0, NULL);
	if ((text = member(root)) == NULL)
		text = member(json_object_get(root, "error"));
	(void)visible_line(first_line(text_of(text)), buf, REASON_LEN);
	json_decref(root);
	return buf;
}

/* Does the connection to url go to this "HOST port PORT"? */
static bool
is_of(const char *url, struct sse_text peer)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL, *end, own[REASON_LEN];
	bool same = true;

	if (curl_url_set(u, CURLUPART_URL, url, CURLU_GUESS_SCHEME) ==
		CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
		CURLUE_OK) {
		const char *name = host + (*host == '[');

		if (*host == '[' && (end = strchr(host, ']')) != NULL)
			*end = '\0';
		snprintf(own, sizeof(own), "%s port %s", name, port);
		same = text_is(peer, own);
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return same;
}

const char *
reason_elsewhere(const char *said, const char *url, char buf[static REASON_LEN])
{
	static const char before[] = "Failed to connect to ";
	struct sse_text peer = { said + sizeof(before) - 1, 0 };
	const char *end = strstr(said, " after ");

	if (strncmp(said, before, sizeof(before) - 1) != 0 || end == NULL)
		return "";
	peer.len = (size_t)(end - peer.ptr);
	if (is_of(url, peer) || peer.len > REASON_LEN - 3)
		return "";
	snprintf(buf, REASON_LEN, "%.*s: ", (int)peer.len, peer.ptr);
	return buf;
}
