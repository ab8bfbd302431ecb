/*
 * Whose word on where a request comes from is taken: the proxies in front of
 * this server.  Pure.
 * Spec: RFC 7239, "Forwarded HTTP Header Field".
 */
#ifndef TRUST_H
#define TRUST_H

#include "addr.h"
#include "http.h"

#define TRUST_MAX 64 /* networks that may be named */

struct trust {
	struct cidr networks[TRUST_MAX];
	size_t n;
	bool unix_sockets; /* all who come by one */
};

/*
 * Add a network, or "unix".  Returns 0, or -1 with *fault a constant that fits
 * behind "trusted proxy TEXT: ".
 */
int trust_add(struct trust *t, const char *text, const char **fault);

/* Who a connection is with. */
struct peer {
	struct addr addr;
	bool admin;   /* it came by the administration listener */
	bool is_unix; /* by a Unix socket */
};

/* Is the peer a trusted proxy? */
bool trust_has(const struct trust *t, const struct addr *peer);

/*
 * The client that h comes from: peer itself, unless that is a trusted proxy.
 * Then the last address in X-Forwarded-For, or without that field in Forwarded,
 * that is no trusted proxy's; when all are, the first.  What stands before a
 * word that is no address ("unknown", "_hidden") could be anybody's invention:
 * the client is then the one behind that word.
 */
struct addr trust_client(
    const struct trust *t, const struct addr *peer, const struct http_head *h);

#endif
