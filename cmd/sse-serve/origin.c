#include <arpa/inet.h>
#include <string.h>

#include "event.h"
#include "origin.h"

bool
origin_valid(const char *origin)
{
	struct sse_text host = text_of(strstr(origin, "://"));

	if (strcmp(origin, "*") == 0)
		return true;
	if (host.len < 4 || strlen(origin) > ORIGIN_MAX ||
	    (strncmp(origin, "http://", 7) != 0 &&
		strncmp(origin, "https://", 8) != 0))
		return false;
	host.ptr += 3;
	host.len -= 3;
	/* "*." stands for nothing, and would look as if it did. */
	return strchr(":*", *host.ptr) == NULL && http_host_valid(host);
}

bool
origin_is_listed(struct sse_text origin, const char *const *origins, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!text_is(origin, "*") && http_same(origin, origins[i]))
			return true;
	return false;
}

/* Is "*" listed, for all of them? */
static bool
any(const char *const *origins, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(origins[i], "*") == 0)
			return true;
	return false;
}

/* Does the origin name the host that was asked? */
static bool
is_host(struct sse_text origin, struct sse_text host)
{
	const char *sep = memmem(origin.ptr, origin.len, "://", 3);
	size_t skip = sep != NULL ? (size_t)(sep - origin.ptr) + 3 : 0;

	return skip > 0 && host.len > 0 && origin.len == skip + host.len &&
	    memcmp(origin.ptr + skip, host.ptr, host.len) == 0;
}

bool
origin_is_foreign(
    const struct http_head *h, const char *const *origins, size_t n)
{
	struct sse_text site = http_field(h, "Sec-Fetch-Site");
	struct sse_text origin = http_field(h, "Origin");

	/* "*" lets anyone read; to write, an origin is called by its name. */
	if (origin_is_listed(origin, origins, n))
		return false;
	if (site.ptr != NULL)
		return !text_is(site, "same-origin") && !text_is(site, "none");
	return origin.ptr != NULL && !is_host(origin, h->host);
}

bool
origin_may_read(const struct http_head *h, const char *const *origins, size_t n,
    struct sse_text *origin)
{
	*origin = http_field(h, "Origin");
	return origin->len > 0 &&
	    (origin_is_listed(*origin, origins, n) || any(origins, n));
}

bool
origin_host_is_loopback(struct sse_text host)
{
	const char *colon = memrchr(host.ptr, ':', host.len);
	struct in_addr in;
	char name[64];

	if (colon != NULL && host.ptr[host.len - 1] != ']')
		host.len = (size_t)(colon - host.ptr);
	if (host.len >= sizeof(name))
		return false;
	memcpy(name, host.ptr, host.len);
	name[host.len] = '\0';
	return http_same(host, "localhost") || http_same(host, "[::1]") ||
	    (strncmp(name, "127.", 4) == 0 &&
		inet_pton(AF_INET, name, &in) == 1);
}
