/*
 * What is said to those who are refused for the time being.  Pure.
 *
 * Any answer but 200 ends a browser's EventSource for good.  So one that asked
 * for an event stream is refused softly: by a stream that holds the reason as
 * a comment and when to come back, and closes.
 */
#ifndef REFUSAL_H
#define REFUSAL_H

#include <stdbool.h>

#include "counters.h"
#include "sse.h"

/* None of them: the request is served. */
#define REFUSAL_NONE REFUSALS

struct refusing {
	enum refusal reason; /* from REFUSAL_CONNECTIONS on */
	bool softly;
	int64_t retry_ms;   /* what streams open with */
	uint32_t chance;    /* any number: spreads those who come back */
	const char *fields; /* as in http_answer.h */
	int64_t now_s;
};

/* Its status when it is not soft: 429 or 503. */
int refusal_status(enum refusal reason);

/*
 * "Retry-After: N" and CRLF for a status that passes (429, 503, 507), else
 * nothing; chance and retry_ms as above.  Returns buf.
 */
#define REFUSAL_AFTER_MAX 48
const char *refusal_after(
    int status, int64_t retry_ms, uint32_t chance, char *buf);

/* Why, as a constant, one line. */
const char *refusal_text(enum refusal reason);

/*
 * Append the answer, after which the connection is to be closed; it says when
 * to come back: after retry_ms (at least a second) to twice that.  -1 with
 * ENOMEM; the buffer is then as before.
 */
int refusal_answer(struct sse_buf *b, const struct refusing *r);

#endif
