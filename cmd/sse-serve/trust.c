#include <string.h>

#include "trust.h"

#define HOPS_MAX 32 /* the last so many are looked at */

/* The last members of a list, in a ring. */
struct hops {
	struct sse_text v[HOPS_MAX];
	size_t n; /* of all, also those that are no longer in the ring */
};

int
trust_add(struct trust *t, const char *text, const char **fault)
{
	if (strcmp(text, "unix") == 0) {
		t->unix_sockets = true;
		return 0;
	}
	if (t->n == TRUST_MAX) {
		*fault = "more than 64 are named";
		return -1;
	}
	if (!cidr_parse(
		(struct sse_text){ text, strlen(text) }, &t->networks[t->n])) {
		*fault = "it is an address, a network as in 192.0.2.0/24 or "
			 "2001:db8::/32, or unix";
		return -1;
	}
	t->n++;
	return 0;
}

bool
trust_has(const struct trust *t, const struct addr *peer)
{
	if (addr_is_unix(peer))
		return t->unix_sockets;
	for (size_t i = 0; i < t->n; i++)
		if (cidr_has(&t->networks[i], peer))
			return true;
	return false;
}

/* The part of t before the first of these. */
static struct sse_text
before(struct sse_text t, char sep)
{
	const char *at = t.len > 0 ? memchr(t.ptr, sep, t.len) : NULL;

	if (at != NULL)
		t.len = (size_t)(at - t.ptr);
	return t;
}

/* An address with or without a port, in brackets or not. */
static bool
parse_node(struct sse_text t, struct addr *a)
{
	struct sse_text host;

	if (t.len > 0 && t.ptr[0] == '[') {
		host = before((struct sse_text){ t.ptr + 1, t.len - 1 }, ']');
		if (host.len + 1 == t.len)
			return false;
		return memchr(host.ptr, ':', host.len) != NULL &&
		    addr_parse(host, a);
	}
	if (addr_parse(t, a))
		return true;
	host = before(t, ':');
	return host.len < t.len && memchr(host.ptr, '.', host.len) != NULL &&
	    addr_parse(host, a);
}

/* The value of for= in a member of Forwarded; empty: there is none. */
static struct sse_text
for_of(struct sse_text member)
{
	while (member.len > 0) {
		struct sse_text pair = before(member, ';');
		size_t skip = pair.len < member.len ? pair.len + 1 : pair.len;

		member.ptr += skip;
		member.len -= skip;
		while (
		    pair.len > 0 && (*pair.ptr == ' ' || *pair.ptr == '\t')) {
			pair.ptr++;
			pair.len--;
		}
		if (pair.len < 4 ||
		    !http_same((struct sse_text){ pair.ptr, 4 }, "for="))
			continue;
		pair.ptr += 4;
		pair.len -= 4;
		if (pair.len >= 2 && pair.ptr[0] == '"' &&
		    pair.ptr[pair.len - 1] == '"') {
			pair.ptr++;
			pair.len -= 2;
		}
		return pair;
	}
	return (struct sse_text){ "", 0 };
}

static void
list_hops(const struct http_head *h, const char *name, struct hops *hops)
{
	struct http_list it = { 0 };
	struct sse_text member;

	hops->n = 0;
	while (http_list_next(h, name, &it, &member))
		hops->v[hops->n++ % HOPS_MAX] = member;
}

struct addr
trust_client(
    const struct trust *t, const struct addr *peer, const struct http_head *h)
{
	struct addr client = *peer;
	struct hops hops;
	bool forwarded;
	size_t last;

	if (!trust_has(t, peer))
		return client;
	list_hops(h, "X-Forwarded-For", &hops);
	if ((forwarded = hops.n == 0))
		list_hops(h, "Forwarded", &hops);
	last = hops.n > HOPS_MAX ? hops.n - HOPS_MAX : 0;
	for (size_t i = hops.n; i > last; i--) {
		struct sse_text hop = hops.v[(i - 1) % HOPS_MAX];
		struct addr a;

		if (!parse_node(forwarded ? for_of(hop) : hop, &a))
			break;
		client = a;
		if (!trust_has(t, &a))
			break;
	}
	return client;
}
