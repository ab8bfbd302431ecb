#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "http_url.h"

const char *
http_base_fault(const char *base)
{
	const char *host;

	if (strncmp(base, HTTP_UNIX, strlen(HTTP_UNIX)) == 0)
		return base[strlen(HTTP_UNIX)] == '\0' ? "it names no socket"
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
	bool is_unix = strncmp(base, HTTP_UNIX, strlen(HTTP_UNIX)) == 0;
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
