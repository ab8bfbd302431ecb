/*
 * The header of the PROXY protocol, versions 1 and 2, by which a proxy that
 * passes bytes on says whose they are.  Pure: no I/O, no allocation.
 * Spec: HAProxy, "The PROXY protocol", doc/proxy-protocol.txt.
 */
#ifndef PROXY_H
#define PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "addr.h"

/* With the extensions of version 2, which are passed over. */
#define PROXY_MAX 4096

struct proxy {
	bool known;         /* the proxy says where the client is */
	struct addr source; /* there */
};

/*
 * Read a header from the len bytes at buf, from the first each time.  Returns
 * its bytes; 0 when it is not complete; -1 when it is none or too long, as
 * soon as that is seen.
 */
ssize_t proxy_parse(const char *buf, size_t len, struct proxy *p);

#endif
