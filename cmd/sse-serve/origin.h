/*
 * Which web pages may do what.  A browser reaches addresses that its pages'
 * authors do not, a loopback for one; what it says of the page decides.  Pure.
 * Spec: Fetch, "CORS protocol", "Origin header"; Fetch Metadata,
 * "Sec-Fetch-Site".
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "http.h"
#include "sse.h"

#define ORIGIN_MAX 256 /* bytes of one that is listed */

/* May it be listed: "*", or "https://host", with or without a port? */
bool origin_valid(const char *origin);

/*
 * Was h, a request that changes something, sent by a page that may not?  By
 * any page but one of this server's own or of an origin listed by its name.
 */
bool origin_is_foreign(
    const struct http_head *h, const char *const *origins, size_t n);

/*
 * May the page that sent h read the answer: is its origin listed, by its name
 * or by "*"?  *origin is set to it, to be echoed.  False when no page did.
 */
bool origin_may_read(const struct http_head *h, const char *const *origins,
    size_t n, struct sse_text *origin);

/* Is origin listed by its name? */
bool origin_is_listed(
    struct sse_text origin, const char *const *origins, size_t n);

/*
 * Is host (not empty, perhaps with a port) a name of this very machine:
 * localhost, 127.0.0.0/8 or [::1]?  Pages reach us by other names when a
 * name's address is changed under them (DNS rebinding).
 */
bool origin_host_is_loopback(struct sse_text host);

#endif
