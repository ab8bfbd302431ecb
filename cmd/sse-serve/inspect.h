/*
 * What the administration listener is asked about the server itself.  Pure.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include <stddef.h>

#include "conn_id.h"
#include "http.h"

#define INSPECT_LIMIT 100       /* connections a page, unless asked for */
#define INSPECT_LIMIT_MAX 10000 /* and at most */

enum inspect_what {
	INSPECT_METRICS,     /* GET /metrics */
	INSPECT_HEALTH,      /* GET /healthz: every thread turns */
	INSPECT_READY,       /* GET /readyz: it can serve */
	INSPECT_CONNECTIONS, /* GET /connections */
	INSPECT_END,         /* DELETE /connections/ID */
};

struct inspect {
	enum inspect_what what;
	struct conn_id id;    /* INSPECT_END: whose end it is */
	struct conn_id after; /* INSPECT_CONNECTIONS: the page begins behind */
	bool all;             /* those of the whole fleet */
	size_t limit;
};

/* What there is, for a 404. */
#define INSPECT_PATHS "/metrics, /healthz, /readyz and /connections"

/*
 * Is the path of h about the server?  Then what is asked, *status is 0; or
 * *status is what to refuse it with, for the reason *why, and with 405 *allow
 * is the methods that there are.
 */
bool inspect_parse(struct inspect *in, const struct http_head *h, int *status,
    const char **why, const char **allow);

#endif
