/*
 * A request while it comes in, and its answer while it goes out: the buffers
 * of a connection, which an event stream at rest does not need.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>

#include "conf.h"
#include "http_chunk.h"
#include "route_answer.h"
#include "sweep.h"

struct request {
	struct hurry hurry;
	struct sse_buf in;   /* the head, then what of the body has come */
	size_t head_len;     /* 0: the head is not complete */
	size_t body_len;     /* bytes of in that the body took, as sent */
	struct sse_buf body; /* of a chunked one, decoded */
	struct http_chunk chunk;
	enum http_body how;
	uint64_t content_length;
	struct route route;
	bool routed;
	bool keep_alive;
	bool expect;   /* the client waits for 100 */
	bool in_sync;  /* asked the hub what the last place is */
	bool draining; /* a second look after that is not taken */
	char cors[ROUTE_CORS_MAX];
	struct sse_buf out; /* the answer */
	size_t out_at;
};

enum request_state {
	REQUEST_MORE,     /* read on */
	REQUEST_COMPLETE, /* head and body are here; route says what it is */
	REQUEST_REFUSED,  /* out holds the refusal: write, then close */
	REQUEST_ANSWERED, /* out holds the answer */
	REQUEST_NOMEM,
};

/* NULL with ENOMEM. */
struct request *request_new(void);
void request_free(struct request *r);

/* Look at what has come into in. */
enum request_state request_look(
    struct request *r, const struct conf *conf, bool admin, bool is_unix);

/* The body of a complete one.  Good until the next request_look(). */
struct sse_text request_body(const struct request *r);

/* It is answered: make ready for the next on this connection. */
void request_next(struct request *r);

#endif
