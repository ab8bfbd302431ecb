/*
 * Who is master at this moment: one sentinel after the other is asked until one
 * knows.  It blocks, each wait of it bounded.
 */
#ifndef REDIS_SENTINEL_H
#define REDIS_SENTINEL_H

#include <stdint.h>

#include "redis_url.h"

#define REDIS_WHERE_MAX 256 /* bytes of a host's name */
#define SENTINEL_FAULT_MAX 256

/* Where a Redis is, found out; not what a URL says. */
struct redis_where {
	char host[REDIS_WHERE_MAX];
	int port;
};

/*
 * Ask the sentinels of u, which has some, until deadline_ms of clock_mono_ms().
 * A sentinel that asks for a password is told that of u.  Returns 0 with *w
 * set, -1 with fault saying what the last one did.
 */
int redis_sentinel_ask(const struct redis_url *u, int64_t deadline_ms,
    struct redis_where *w, char fault[SENTINEL_FAULT_MAX]);

#endif
