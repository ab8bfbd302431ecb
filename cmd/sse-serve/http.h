/*
 * The head of an HTTP/1.1 request.  Pure: no I/O, no allocation; what is read
 * points into the caller's bytes.
 *
 * Strict, since a lenient reader behind a proxy is how requests are smuggled:
 * every line ends with CRLF (a bare LF or CR is refused), nothing is folded,
 * no field has white space before its colon.  One leniency: a target may bear
 * bytes above 0x7f unescaped, as curl sends what is typed.
 *
 * Spec: RFC 9112, "Message Format", "Request Line", "Field Syntax", "Message
 * Body"; RFC 9110, "Fields", "Content Negotiation".
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sse.h"

#define HTTP_FIELDS_MAX 64
#define HTTP_LENGTH_MAX (UINT64_MAX / 2) /* a longer Content-Length is bad */

struct http_field {
	struct sse_text name;
	struct sse_text value; /* without the white space around it */
};

enum http_body {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH, /* content_length bytes follow, perhaps 0 */
	HTTP_BODY_CHUNKED,
};

/* A request's head. */
struct http_head {
	struct sse_text method;
	struct sse_text target; /* as it stood */
	struct sse_text host;   /* the target's, else Host's; may be empty */
	struct sse_text path;   /* of the target; "*" for that of OPTIONS */
	struct sse_text query;  /* behind "?"; empty when there is none */
	int minor;              /* of HTTP/1.minor: 0, or 1 for all above */
	bool keep_alive;        /* another request may follow */
	bool expect_continue;   /* it waits for 100 before it sends the body */
	enum http_body body;
	uint64_t content_length;
	struct http_field fields[HTTP_FIELDS_MAX];
	size_t nfields;
	const char *fault; /* what is wrong, a constant, after -1 */
};

/*
 * Read a head from the len bytes at buf, from the first each time.
 *
 * Returns above 0  the bytes of the head; the body follows them,
 *         0        when it is not complete; call again with more,
 *         -1       when it is none, with *status one of 400, 417, 431 (more
 *                  than HTTP_FIELDS_MAX fields), 501, 505, and h->fault set.
 *                  The connection is then good for nothing but an answer.
 * A fault is told as soon as its byte is seen, and stays the same whatever
 * follows.  How long a head may be is the caller's to say: http_too_long().
 */
ssize_t http_parse(
    const char *buf, size_t len, struct http_head *h, int *status);

/* For a head that outgrew the caller's bound: 414 in its first line, else 431. */
int http_too_long(const char *buf, size_t len);

/* Is t this word, letter case aside?  (ASCII's, whatever the locale.) */
bool http_same(struct sse_text t, const char *word);

/*
 * Is t a host with or without a port?  May be empty.
 * Spec: RFC 3986, "Host", "Port", without user information.
 */
bool http_host_valid(struct sse_text t);

/* The value of the first field so named, letter case aside; ptr NULL: none. */
struct sse_text http_field(const struct http_head *h, const char *name);

/* How many fields are so named. */
size_t http_field_count(const struct http_head *h, const char *name);

/* Where an iteration over a list stands; { 0 } is its beginning. */
struct http_list {
	size_t field, offset;
};

/*
 * The next member of the comma list that all fields so named make together,
 * trimmed; empty members are passed over, commas in quotes are no commas.
 */
bool http_list_next(const struct http_head *h, const char *name,
    struct http_list *it, struct sse_text *member);

/* Does that list have this member, letter case and ";..." behind it aside? */
bool http_list_has(
    const struct http_head *h, const char *name, const char *member);

/*
 * How gladly the request takes a media type ("text/event-stream"): 0 (not at
 * all) to 1000.  The most specific range of Accept decides; without Accept it
 * is 1000.  *by_name (NULL: not asked) says whether a range names it in full,
 * so that the wildcards of browsers and curl can be told apart.
 */
int http_accepts(const struct http_head *h, const char *type, bool *by_name);

/* Is the method this one?  (Letter case counts.) */
bool http_method_is(const struct http_head *h, const char *method);

/* Is it one that is known, though perhaps not here?  RFC 9110, and PATCH. */
bool http_method_known(const struct http_head *h);

/* The value of a hexadecimal digit; -1: it is none. */
int http_hex(char c);

#endif
