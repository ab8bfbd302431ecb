/*
 * What redis_link.c, redis_open.c and redis_publish.c share of a link, and
 * nobody else sees.
 */
#ifndef REDIS_LINK_INNER_H
#define REDIS_LINK_INNER_H

#include "redis_link.h"
#include "redis_sentinel.h"

#define REDIS_LINK_FAULT_MAX 512

struct redis_link {
	const struct redis_url *u;
	redisContext *c;          /* NULL: not connected */
	bool queued;              /* something is still to be written */
	const char *prefix;       /* of the names to follow; NULL: none */
	struct redis_where where; /* it is connected to, or is to be */
	bool moved;               /* where is what a node said */
	bool pool; /* replies are of redis_reply.h, once it is open */
	bool busy; /* the last answer was that it is; fault says why */
	const volatile sig_atomic_t *stop;
	char fault[REDIS_LINK_FAULT_MAX];
};

/* Note what is wrong, behind where it is wrong. */
void __attribute__((format(printf, 2, 3)))
redis_link_say(struct redis_link *l, const char *fmt, ...);

/* Close it and say why: DOWN. */
enum redis_link_state redis_link_down(struct redis_link *l, const char *why);

/* Close it and say that memory ran out: STARVED. */
enum redis_link_state redis_link_starve(struct redis_link *l);

/* The time is up.  That it was busy until then says more than why: BUSY. */
enum redis_link_state redis_link_late(struct redis_link *l, const char *why);

/* Wait until the descriptor is ready; DOWN or BUSY when the time is up. */
enum redis_link_state redis_link_await(
    struct redis_link *l, short events, int64_t deadline_ms);

/* As redis_link_reply(), of an answer that does not show it is not busy. */
enum redis_link_state redis_link_read(
    struct redis_link *l, redisReply **r, int64_t deadline_ms);

#endif
