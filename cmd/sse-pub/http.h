/*
 * POST of a body to an sse-serve, by libcurl.  libcurl is loaded when it is
 * asked for: it takes longer to load than all else that a run against Redis
 * does.
 */
#ifndef HTTP_H
#define HTTP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "sse.h"

struct http;

/* What came of a request. */
struct http_answer {
	long status; /* of HTTP; 0: there was no answer */
	bool unsure; /* no answer, but the peer may have the request */
	int64_t retry_after_ms; /* -1: not told */
	int64_t reached;        /* subscribers, by Sse-Reached; -1: not told */
	bool replayed;          /* by Idempotent-Replayed: the key was known */
	const char *type;       /* the content type, or "" */
	struct sse_text body;   /* its beginning, up to HTTP_BODY_MAX */
	/* Without an answer: */
	const char *fault;  /* why */
	const char *remedy; /* to stand behind it, or "" */
	int failure;        /* as an exit status */
	bool final;         /* another request would end the same */
};

#define HTTP_BODY_MAX ((size_t)1 << 20)

/*
 * base is where the server is: http://, https:// or unix:PATH; borrowed.  NULL
 * with *fault a constant text: libcurl is missing, or memory ran out.
 */
struct http *http_new(const char *base, const char **fault);
void http_free(struct http *h);

/*
 * Send this line, "Name: value", or with "@FILE" each line of a file, with
 * every request.  -1 with *fault a constant, or NULL and errno of the file.
 */
int http_add_header(struct http *h, const char *arg, const char **fault);

/* Send this token, or that in "@FILE", to who asks for one (RFC 6750). */
int http_set_bearer(struct http *h, const char *arg, const char **fault);

/* By which certificates: files, PEM.  { 0 } is the system's authorities. */
struct http_tls {
	const char *cacert;     /* authorities to trust instead; or NULL */
	const char *cert, *key; /* the client's own; or NULL */
	bool insecure;          /* whoever the server is */
};

/* Of all requests; what the files hold is not looked at yet.  -1: ENOMEM. */
int http_set_tls(struct http *h, const struct http_tls *t);

/* From now on a request ends, without an answer, once *stop is set. */
void http_set_stop(struct http *h, const volatile sig_atomic_t *stop);

/*
 * POST body, an event stream, to /events/CHANNEL, in timeout_ms at most, with
 * one more header line, which tells a repeat: libcurl itself sends a request
 * again whose connection was kept and has died.  The answer is good until the
 * next call.  -1 with ENOMEM.
 */
int http_post(struct http *h, struct sse_text channel, const char *line,
    const struct sse_buf *b, int64_t timeout_ms, struct http_answer *a);

#endif
