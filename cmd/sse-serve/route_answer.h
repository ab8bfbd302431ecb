/*
 * Answers to requests that no more than their route is needed for.  Pure.
 */
#ifndef ROUTE_ANSWER_H
#define ROUTE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "route.h"

/*
 * The CORS field lines for an answer to h, CRLF behind each, "" when its origin
 * is not allowed to read: for http_answer.fields and http_stream_head().  They
 * are written to buf, which is returned.
 */
#define ROUTE_CORS_MAX 512
const char *route_cors(const struct http_head *h, const struct route_conf *conf,
    char buf[static ROUTE_CORS_MAX]);

/*
 * Append the answer to what needs no other: ROUTE_VIEWER, ROUTE_OPTIONS and
 * ROUTE_BAD, and ROUTE_EVENTS asked for by HEAD.  close says that no further
 * request is read.  -1 with ENOMEM.
 */
int route_answer(struct sse_buf *b, const struct route *r,
    const struct http_head *h, const struct route_conf *conf, bool close,
    int64_t now_s);

/* The status that it has. */
int route_status(const struct route *r);

#endif
