/*
 * One attach command: it reads the logs of topics, or of none, and sends a
 * marker over the other link.  It is done when both have come, in any order.
 */
#ifndef ROUND_H
#define ROUND_H

#include "redis_async.h"
#include "topic.h"

#define ROUND_TOPICS 64 /* logs read by one command */

struct attach;

struct round {
	TAILQ_ENTRY(round) entry;
	struct attach *attach;
	int worker; /* that asked for the last place; -1: none */
	size_t n;
	struct topic *topics[ROUND_TOPICS]; /* borrowed; NULL: gone by now */
	struct place last;
	bool replied;
};

TAILQ_HEAD(round_list, round);

/* The last of list, to be taken out and freed.  NULL with ENOMEM. */
struct round *round_new(struct round_list *list, struct attach *a, int worker);
void round_list_clear(struct round_list *list);

/*
 * Take from those SUBSCRIBED as many as one command may read, all of which are
 * resumed, or none.
 */
void round_fill(struct round *r, struct topic_list *subscribed);

/*
 * Send it over link, with marker, for what stands behind after in the logs; fn
 * gets the reply and r, which may be gone by then where there is no reply.
 */
void round_send(struct round *r, struct redis_async *link,
    const struct bus_conf *conf, const char *marker, struct place after,
    redisCallbackFn *fn);

/* A round that is under way must not find a topic that is gone. */
void round_list_forget(struct round_list *list, const struct topic *t);

/*
 * The links are lost.  Rounds that read logs are gone, and begin anew with their
 * topics; what workers asked is to be sent again.
 */
void round_list_reset(struct round_list *list);

#endif
