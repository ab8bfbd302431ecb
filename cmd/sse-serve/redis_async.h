/*
 * One link to Redis within the event loop: connected, authenticated, on its
 * database, and connected again, with backoff, whenever it is lost.
 */
#ifndef REDIS_ASYNC_H
#define REDIS_ASYNC_H

#include <ev.h>
#include <hiredis/async.h>
#include <stdbool.h>

#include "bus.h"
#include "redis_url.h"

struct redis_async {
	struct ev_loop *loop;
	const struct redis_url *url; /* borrowed */
	redisAsyncContext *context;  /* NULL: not connected */
	ev_timer again;              /* the next attempt */
	ev_timer patience;           /* with the one under way */
	double backoff_s;
	bool up;
	bool closing;
	/* It may be used now; and it may no more, every reply to come is lost. */
	void (*on_up)(void *arg);
	void (*on_down)(void *arg, const char *why);
	void *arg;
};

/* Begin to connect.  The callbacks never run before the return. */
void redis_async_open(struct redis_async *l, struct ev_loop *loop,
    const struct redis_url *url, void (*on_up)(void *),
    void (*on_down)(void *, const char *), void *arg);

/* For good; nothing is called back but pending commands, with no reply. */
void redis_async_close(struct redis_async *l);

/* Lose the link, for it does not answer; on_down() runs, then it comes back. */
void redis_async_drop(struct redis_async *l);

/*
 * Send a command; fn gets its reply, NULL when the link is lost first.  It may
 * be called before the return only with NULL.  -1: the link is not up.
 */
int redis_async_send(struct redis_async *l, redisCallbackFn *fn, void *priv,
    const struct bus_command *c);

#endif
