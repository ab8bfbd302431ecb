/*
 * Where a Redis is at this moment, found out in a thread: neither a resolver
 * nor a sentinel that is slow holds up the event loop.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <ev.h>

#include "redis_sentinel.h"
#include "redis_url.h"

#define LOOKUP_MAX 8 /* addresses of a name that are tried */

struct found {
	size_t n;
	struct redis_where at[LOOKUP_MAX]; /* hosts are numbers */
	char fault[SENTINEL_FAULT_MAX];    /* when n is 0 */
};

struct lookup;

/*
 * Look up what u's host, or the master that its sentinels name, is at.  done
 * runs in loop, never before the return; found is good until it returns, and
 * the lookup is over then.  NULL with ENOMEM or EAGAIN.
 */
struct lookup *lookup_new(struct ev_loop *loop, const struct redis_url *u,
    int64_t timeout_ms, void (*done)(void *arg, const struct found *found),
    void *arg);

/* Its result is not wanted any more; NULL is let pass. */
void lookup_abandon(struct lookup *l);

#endif
