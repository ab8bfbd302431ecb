/*
 * A line of the access log.  Pure.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdint.h>

#include "addr.h"
#include "sse.h"

/* Who asked for what, as it was sent; borrowed. */
struct caller {
	struct sse_text method; /* empty: it was no HTTP, target its line */
	struct sse_text target;
	struct sse_text referer;
	struct sse_text agent;
	int minor; /* of HTTP/1.minor */
};

enum access_kind {
	ACCESS_REQUEST, /* a request is answered */
	ACCESS_BEGIN,   /* a stream begins */
	ACCESS_END,     /* and ends */
};

struct access {
	enum access_kind kind;
	struct caller caller;
	struct addr addr;
	struct sse_text client; /* empty: nobody known */
	int64_t now_ms;         /* Unix time */
	int status;
	uint64_t bytes; /* of the answer without its head */

	/* Of streams. */
	const char *id;
	int64_t since_ms;
	uint64_t events;
	const char *why; /* it ended */
};

enum access_format {
	ACCESS_COMBINED,
	ACCESS_JSON,
};

/* What stands in the head of len bytes at buf, or what comes nearest. */
void caller_read(struct caller *c, const char *buf, size_t len);

/*
 * A copy of c's texts in one piece of memory, to be freed, which c then points
 * into.  NULL with ENOMEM.
 */
char *caller_keep(struct caller *c);

/*
 * Append the line.  What came from outside is escaped: it can neither end the
 * line nor its own quotes, nor write to a terminal; each text is cut at
 * ACCESS_TEXT_MAX bytes.  -1 with ENOMEM.
 */
#define ACCESS_TEXT_MAX ((size_t)1024)
int access_append(
    struct sse_buf *b, const struct access *a, enum access_format format);

#endif
