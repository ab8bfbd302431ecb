/*
 * A poster: one POST at a time by libcurl, without waiting.  What it waits for
 * is one descriptor and a time.
 */
#ifndef POSTER_H
#define POSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "follow.h"
#include "sse.h"

#define POSTER_BODY_MAX ((size_t)64 << 10) /* of an answer that is kept */
#define POSTER_ANSWER_MS 30000 /* from the request to all of the answer */

struct poster;

/* http is how to ask: its headers, setup and arg.  NULL with ENOMEM. */
struct poster *poster_new(const struct follow_conf *http);
void poster_free(struct poster *p);

/*
 * POST body, an event stream, to url.  key is a header that tells this request
 * from others, however often it is made.  All is borrowed until it is answered.
 * -1 with ENOMEM.
 */
int poster_send(struct poster *p, const char *url, const char *key,
    const struct sse_buf *body);

/* What came of it. */
struct poster_answer {
	long status;            /* of HTTP; 0: there was none, fault says why */
	int64_t retry_after_ms; /* -1: not told */
	struct sse_text body;   /* its beginning */
	const char *fault;
	const char *remedy; /* to stand behind it, or "" */
	int fault_status;   /* an exit status for when this is for good */
};

/* Let it work.  Returns 1 with *a set, good until the next send; else 0. */
int poster_step(struct poster *p, struct poster_answer *a);

/* What to poll for reading, and at most how long, or -1. */
int poster_fd(const struct poster *p);
int poster_wait_ms(const struct poster *p);

#endif
