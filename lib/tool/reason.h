/*
 * Why there is no event stream: what a server says in the body of an answer
 * that is an error, and who could not be reached.  Pure.
 */
#ifndef REASON_H
#define REASON_H

#include "event.h"

#define REASON_BODY_MAX ((size_t)4 << 10) /* so much of a body is looked at */
#define REASON_LEN 201                    /* a reason and its NUL, at most */

/*
 * The reason in one printable line, cut to what buf holds; empty where there is
 * none.  type is the answer's Content-Type (NULL: none).  Of text/plain it is the first line; of JSON, which has to be whole, the member
 * "detail" or "title" (RFC 9457), "message" or "error", or one of those within
 * "error".
 */
const char *reason_of(
    const char *type, struct sse_text body, char buf[static REASON_LEN]);

/*
 * Who could not be reached, as "HOST port PORT: ", where libcurl said that it
 * was not the host of url: a proxy, or where a redirection leads.  Else empty.
 */
const char *reason_elsewhere(
    const char *said, const char *url, char buf[static REASON_LEN]);

#endif
