/*
 * Where a peer is: an IP address, or none for one that came by a Unix socket;
 * and networks.  Pure.
 */
#ifndef ADDR_H
#define ADDR_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "sse.h"

#define ADDR_LEN INET6_ADDRSTRLEN

/* IPv4 as IPv6 maps it, so that both compare alike; all 0: a Unix socket. */
struct addr {
	uint8_t b[16];
};

/* Of sa; not an IP address: a Unix socket's. */
struct addr addr_of(const struct sockaddr *sa);

/*
 * Read an IP address: "192.0.2.1", "2001:db8::1".  False: t is none.  The
 * unspecified address is none, for nobody comes from it.
 */
bool addr_parse(struct sse_text t, struct addr *a);

/* As text with its NUL, IPv4 as such; "unix" for a Unix socket.  Returns buf. */
const char *addr_format(const struct addr *a, char buf[static ADDR_LEN]);

bool addr_is_unix(const struct addr *a);
bool addr_same(const struct addr *a, const struct addr *b);

/*
 * What one host or household has: the address itself, of IPv6 its first 64
 * bits, for whoever has one of those has all of them.
 */
struct addr addr_owner(const struct addr *a);

/* A network. */
struct cidr {
	struct addr addr;
	uint8_t bits; /* of addr that count; 0 to 128 */
};

/*
 * Read "192.0.2.0/24", "2001:db8::/32" or an address, which is a network of
 * one.  False: t is none, or has bits set behind the prefix.
 */
bool cidr_parse(struct sse_text t, struct cidr *c);

/* A Unix socket is in no network. */
bool cidr_has(const struct cidr *c, const struct addr *a);

#endif
