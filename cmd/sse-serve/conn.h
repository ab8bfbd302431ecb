/*
 * A connection: a descriptor, what it waits for, and what it is in the middle
 * of: a request and its answer, or an event stream.  It is freed only at the
 * end of its own callbacks.
 */
#ifndef CONN_H
#define CONN_H

#include <stdbool.h>

#include "addr.h"
#include "conn_id.h"
#include "sweep.h"

struct ack;
struct worker;
struct peer;
struct inquiry;
struct post;
struct stream;
struct visit;

/* Take fd over, which was accepted from peer.  When memory fails it is closed. */
void conn_new(struct worker *w, int fd, const struct peer *peer);

/* For the worker, each for one connection. */
void conn_sweep(struct conn *c);       /* keep-alive, when it was idle */
void conn_late(struct conn *c);        /* its request was not sent in time */
void conn_over(struct conn *c);        /* its guest's identity has ended */
void conn_stop(struct conn *c);        /* flush, say when to return, close */
void conn_forgo(struct conn *c);       /* close it, if it asks for nothing */
void conn_hang_up(struct conn *c);     /* the same, had it an answer before */
void conn_kill(struct conn *c);        /* close now */
void conn_discard(struct conn *c);     /* as kill; its post never comes back */
void conn_acked(struct ack *a);        /* takes a, which is answered */
void conn_posted(struct post *p);      /* takes p, which is answered */
void conn_inquired(struct inquiry *q); /* takes q, which is back */
void conn_dismiss(struct conn *c);     /* close it, for somebody said so */
void conn_finish(struct conn *c); /* nothing will follow: tell the stream */
void conn_synced(struct conn *c); /* the horizon it waited for is known */

/*
 * For channel_each(), of the stream's subscriber: there is something new, in
 * channel raw when that is not NULL.
 */
struct subscriber;
void conn_wake(struct subscriber *s, void *raw);

/* And: a channel of it is attached now. */
void conn_attached(struct subscriber *s, void *arg);

/* And: a page of it has come, for those who look for where to begin. */
struct channel;
struct leaf;
struct conn_leaf {
	const struct channel *channel;
	const struct leaf *leaf;
};
void conn_sought(struct subscriber *s, void *leaf);

/* Is it a stream that has not dealt with all that was due?  Up to where then. */
struct place;
bool conn_behind(const struct conn *c, struct place *cursor);

/* A stream, seen from outside; false: it is none. */
struct conn_view {
	struct conn_id id;      /* serial 0: nobody will look at it */
	struct sse_text client; /* empty: nobody in particular */
	const struct addr *addr;
	const struct visit *visit; /* NULL: it was not looked at */
	const struct stream *stream;
};

bool conn_look(const struct conn *c, struct conn_view *view);

struct sweep_at *conn_sweep_at(struct conn *c);

#endif
