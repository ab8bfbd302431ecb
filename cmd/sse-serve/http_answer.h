/*
 * HTTP answers as bytes.  Pure: the time is an argument.
 * Spec: RFC 9112, "Status Line"; RFC 9110, "Date", "Content-Length".
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "sse.h"

/* The reason phrase: "Not Found"; "Unknown" for a status not known here. */
const char *http_reason(int status);

/* An answer with its whole body. */
struct http_answer {
	int status;
	const char *fields; /* more field lines, CRLF behind each; NULL: none */
	const char *type;   /* Content-Type; NULL: none */
	struct sse_text body;
	bool head_only; /* the request was HEAD: lengths, but no body */
	bool close;     /* say Connection: close */
	int64_t now_s;  /* Unix time for Date; 0: no Date */
};

/*
 * Append an answer: status line, Date, Content-Length (not with 1xx and 204),
 * Content-Type, X-Content-Type-Options, Connection, fields, body.
 * -1 with ENOMEM; the buffer is then as before.
 */
int http_answer(struct sse_buf *b, const struct http_answer *a);

/*
 * The answer to a request that cannot be served: the status, and why as plain
 * text, one line.  -1 with ENOMEM.
 */
int http_refuse(
    struct sse_buf *b, int status, const char *why, bool close, int64_t now_s);

/*
 * The head of an event stream: 200, never cached, never buffered or
 * compressed by a proxy, ended by the close of the connection.  fields as in
 * http_answer (route_cors() of route_answer.h makes some).  -1 with ENOMEM.
 */
int http_stream_head(struct sse_buf *b, const char *fields, int64_t now_s);

/* Append "HTTP/1.1 100 Continue" and its blank line.  -1 with ENOMEM. */
int http_continue(struct sse_buf *b);

#endif
