/*
 * One link to Redis within the event loop: looked up, connected, authenticated,
 * on its database, at the master and at the node that has the namespace; and
 * all of that again, with backoff, whenever it is lost.
 */
#ifndef REDIS_ASYNC_H
#define REDIS_ASYNC_H

#include <ev.h>
#include <hiredis/async.h>
#include <stdbool.h>

#include "bus.h"
#include "lookup.h"
#include "redis_url.h"

/* None of these runs before the return of what led to it, but on_down. */
struct redis_async_calls {
	void (*up)(void *arg); /* it may be used now */
	/* It may no more, and every reply to come is lost. */
	void (*down)(void *arg, const char *why);
	void (*fails)(void *arg, const char *why); /* one more attempt has */
	void *arg;
};

struct redis_async {
	struct ev_loop *loop;
	const struct redis_url *url; /* borrowed */
	const char *prefix;          /* borrowed: of the names to follow */
	const struct redis_async_calls *calls;
	redisAsyncContext *context; /* NULL: not connected */
	struct lookup *lookup;      /* under way, or NULL */
	struct found found;         /* addresses that are to be tried */
	size_t next;                /* of them */
	struct redis_where moved;   /* what a node of a cluster said */
	unsigned int hops;          /* from node to node, up to now */
	bool is_moved;
	ev_timer again;    /* the next attempt */
	ev_timer patience; /* with the one under way */
	double patience_s;
	double backoff_s; /* 0: at once */
	double up_at;     /* when it came up */
	bool up;
	bool closing;
};

/* Begin to connect; each attempt may take timeout_ms.  calls is borrowed. */
void redis_async_open(struct redis_async *l, struct ev_loop *loop,
    const struct redis_url *url, const char *prefix, int64_t timeout_ms,
    const struct redis_async_calls *calls);

/* For good; nothing is called back but pending commands, with no reply. */
void redis_async_close(struct redis_async *l);

/* Lose the link because of why; down() runs, then it comes back. */
void redis_async_drop(struct redis_async *l, const char *why);

/* It has been of use: when it is lost, the first attempt comes at once. */
void redis_async_good(struct redis_async *l);

/*
 * Does a reply say that another server is the one now: the owner of a
 * cluster's slot, or a master?  Then the link is lost, and goes there; where it
 * has just come to what is no master, it stays, for there may be none.
 */
bool redis_async_elsewhere(struct redis_async *l, const redisReply *r);

/*
 * Send a command; fn gets its reply, NULL when the link is lost first.  It may
 * be called before the return only with NULL.  -1: the link is not up.
 */
int redis_async_send(struct redis_async *l, redisCallbackFn *fn, void *priv,
    const struct bus_command *c);

#endif
