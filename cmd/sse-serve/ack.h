/*
 * A client's mark, up to which it has read what is its own: asked for by a
 * stream that opens, or moved by a request.  It goes to the hub and comes back
 * answered, in one piece; many connections of a client have one mark.
 */
#ifndef ACK_H
#define ACK_H

#include "identity.h"
#include "place.h"

struct conn;
struct hub;

struct ack {
	struct hub *hub;   /* while it is asked in Redis */
	struct conn *conn; /* whose it is; it outlives its ack */
	unsigned int worker;
	struct sse_text client;     /* owned */
	const struct identity *who; /* owned; NULL: the mark is only read */
	struct sse_text id;         /* owned: what it has read up to */
	struct place place;         /* the mark, when it is back; zero: none */
	int status;                 /* of the answer: 200, 404, 409 or 503 */
};

/* Takes who, unless it fails.  NULL with ENOMEM. */
struct ack *ack_new(struct conn *c, unsigned int worker, struct sse_text client,
    const struct identity *who, struct sse_text id);
void ack_free(struct ack *a); /* lets NULL pass */

/* The body of the answer: the mark, or what is wrong; NUL behind it. */
#define ACK_ANSWER_MAX 128
size_t ack_answer(const struct ack *a, char buf[static ACK_ANSWER_MAX]);

#endif
