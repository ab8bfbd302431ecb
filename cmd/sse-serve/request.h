/*
 * A request while it comes in, and its answer while it goes out: the buffers
 * of a connection, which an event stream at rest does not need.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>

#include "conf.h"
#include "http_chunk.h"
#include "refusal.h"
#include "route_answer.h"
#include "sweep.h"

struct request {
	struct request *next; /* while spare */
	struct hurry hurry;
	struct sse_buf in;   /* the head, then what of the body has come */
	size_t head_len;     /* 0: the head is not complete */
	size_t body_len;     /* bytes of in that the body took, as sent */
	struct sse_buf body; /* of a chunked one, decoded */
	struct http_chunk chunk;
	enum http_body how;
	uint64_t content_length;
	struct addr client;         /* a proxy's word, when it is trusted */
	const struct identity *who; /* owned; never NULL */
	struct route route;
	enum refusal refusal;
	bool routed;
	int status;      /* of the answer in out; 0: none was made here */
	const char *why; /* it is a refusal; NULL: it is none */
	bool keep_alive;
	bool expect;       /* the client waits for 100 */
	bool in_mark;      /* asked the hub for the client's mark */
	struct place mark; /* which this is; zero: none */
	struct seek *seek; /* owned: where it is to begin; NULL: it is known */
	bool in_sync;      /* asked the hub what the last place is */
	bool draining;     /* a second look after that is not taken */
	char cors[ROUTE_CORS_MAX];
	struct sse_buf out; /* the answer */
	size_t out_at;
};

enum request_state {
	REQUEST_MORE,     /* read on */
	REQUEST_COMPLETE, /* head and body are here; route says what it is */
	REQUEST_REFUSED,  /* out holds the refusal: write, then close */
	REQUEST_ANSWERED, /* out holds the answer */
	REQUEST_REJECTED, /* at the gate: answer why, refusal, then close */
	REQUEST_NOMEM,
};

/*
 * Requests that are done with, for those to come: a storm of connections needs
 * few at a time, one after the other.  {0} is none.
 */
struct requests {
	struct request *spare; /* owned */
	unsigned int n;
};

/* NULL with ENOMEM. */
struct request *request_new(struct requests *pool);
/* r may be NULL. */
void request_free(struct requests *pool, struct request *r);
void requests_clear(struct requests *pool);

/*
 * May it come in?  Asked once a request, when its head is read and before its
 * body is.  Returns why not, or REFUSAL_NONE.
 */
typedef enum refusal request_gate(void *arg, const struct request *r);

/* Look at what has come into in from peer. */
enum request_state request_look(struct request *r, const struct conf *conf,
    const struct peer *peer, request_gate *gate, void *arg);

/* The body of a complete one.  Good until the next request_look(). */
struct sse_text request_body(const struct request *r);

/* It is answered: make ready for the next on this connection. */
void request_next(struct request *r);

#endif
