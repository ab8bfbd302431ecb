/*
 * What the parts of a connection know of each other: conn.c has its life,
 * conn_request.c its requests and their answers, conn_stream.c its event
 * stream.
 */
#ifndef CONN_INNER_H
#define CONN_INNER_H

#include "admission.h"
#include "conn.h"
#include "request.h"
#include "stream.h"
#include "visit.h"
#include "worker.h"

enum conn_state {
	CONN_REQUEST,   /* a request comes in */
	CONN_POSTING,   /* the hub publishes its body, or is asked */
	CONN_ANSWERING, /* an answer goes out */
	CONN_OPENING,   /* a stream waits for its channels */
	CONN_STREAMING,
	CONN_LINGERING, /* all is written; the peer is to close first */
	CONN_CLOSED,    /* to be freed at the end of the callback */
};

struct conn {
	ev_io io;                /* its data: the worker */
	struct request *request; /* NULL while streaming */
	struct guest *guest;     /* NULL: a stream of nobody in particular */
	struct visit *visit;     /* NULL: nobody will look at it */
	struct transport transport;
	struct sweep_at at;
	struct peer peer; /* with the client's address while streaming */
	struct admission admission;
	uint32_t begun;   /* as a stream, in the sweep's ticks */
	uint32_t touched; /* when it last took a byte */
	uint8_t state;
	uint8_t ending;       /* of its stream, once it is known */
	uint8_t outcome;      /* what has come of it so far */
	bool told : 1;        /* a keep-alive comment was all it took since */
	bool herald : 1;      /* a proxy's header comes before requests */
	bool close : 1;       /* once the answer is written */
	bool leaving : 1;     /* the stream is to end when nothing is due */
	bool posting : 1;     /* the hub has something that names it */
	struct stream stream; /* zeros while there is none */
};

static inline struct worker *
conn_worker(const struct conn *c)
{
	return c->io.data;
}

/* conn.c.  Whoever closes one goes on to conn_settle() before it returns. */
void conn_close(struct conn *c);
void conn_settle(struct conn *c); /* frees it, when it is closed */
void conn_leave(struct conn *c);  /* its channels */
void conn_watch(struct conn *c, int events);

/* Tell the hub that the stream of a client has begun or ended. */
void conn_tell(
    struct conn *c, const struct conn_view *view, enum notice_what what);

/* The stream has been written to its end. */
void conn_end(struct conn *c, enum ending why);

/* Write out.  Returns 1 when it is empty, 0 when not, -1 when closed. */
int conn_flush(struct conn *c);

/* Write the answer; then there is another request, or none. */
void conn_answer(struct conn *c);

/* conn_request.c */
void conn_meet(struct conn *c); /* it is known whose it is: may it come in? */
void conn_read(struct conn *c);
void conn_run(struct conn *c); /* deal with all requests that are complete */
void conn_say(struct conn *c, int status, struct sse_text body);

/* It is refused for the time being. */
void conn_refuse(struct conn *c, enum refusal reason);

/* conn_stream.c */
void conn_open(struct conn *c); /* the stream that is asked for */
void conn_marked(struct conn *c, const struct ack *a); /* its mark is here */
void conn_pump(struct conn *c, const struct channel *raw);

#endif
