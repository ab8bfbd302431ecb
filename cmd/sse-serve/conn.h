/*
 * A connection: a descriptor, what it waits for, and what it is in the middle
 * of: a request and its answer, or an event stream.  It is freed only at the
 * end of its own callbacks.
 */
#ifndef CONN_H
#define CONN_H

#include <stdbool.h>

#include "sweep.h"

struct worker;
struct listener;
struct post;
struct stream;

/* Take fd over, which was accepted from l.  When memory fails it is closed. */
void conn_new(struct worker *w, int fd, const struct listener *l);

/* For the worker, each for one connection. */
void conn_sweep(struct conn *c);   /* keep-alive, when it was idle */
void conn_late(struct conn *c);    /* its request was not sent in time */
void conn_stop(struct conn *c);    /* flush, then close */
void conn_kill(struct conn *c);    /* close now */
void conn_discard(struct conn *c); /* as kill; its post never comes back */
void conn_posted(struct post *p);  /* takes p, which is answered */
void conn_finish(struct conn *c);  /* nothing will follow: tell the stream */
void conn_synced(struct conn *c);  /* the horizon it waited for is known */

/* Channel raw, or NULL, has something new for the stream of owner. */
struct channel;
void conn_wake(void *owner, const struct channel *raw);

/* The subscriber's channel is attached now. */
void conn_attached(void *owner);

/* Is it a stream that has not dealt with all that was due?  Up to where then. */
struct place;
bool conn_behind(const struct conn *c, struct place *cursor);

struct sweep_at *conn_sweep_at(struct conn *c);

#endif
