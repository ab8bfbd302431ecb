/*
 * Which clients are here: their connections to this server, told to Redis for
 * all of the fleet to know, and who came and went, as events of the channel
 * presence.  One that goes is given time to come back, on whichever server.
 */
#ifndef PRESENCE_H
#define PRESENCE_H

#include <ev.h>
#include <sys/queue.h>

#include "bus_client.h"
#include "named.h"

#define PRESENCE_TTL_MS 15000     /* an instance that is silent is dead */
#define PRESENCE_BEAT_MS 5000     /* hence it says so often that it is not */
#define PRESENCE_PATIENCE_MS 5000 /* with a client that reloads its page */
#define PRESENCE_BATCH 200        /* connections told at a time */

struct hub;
struct member;

TAILQ_HEAD(member_list, member);

struct presence {
	struct hub *hub;
	struct named_tree members; /* by the connection's ID */
	struct named_tree clients; /* without Redis: how many each has */
	struct member_list coming; /* to be told */
	struct member_list here;   /* told */
	size_t nhere;
	struct member_list going;  /* to be told in time */
	struct member_list flight; /* being told */
	enum bus_presence what;    /* of those */
	ev_timer tick;
	int64_t beaten_ms;
	bool flying;  /* a command is on its way */
	bool refused; /* and said to be, once as long as it is so */
};

void presence_open(struct presence *p, struct hub *h);
void presence_close(struct presence *p);

/* "ID ADDRESS CLIENT" of a connection that is an event stream; or no more. */
void presence_join(struct presence *p, struct sse_text words);
void presence_leave(struct presence *p, struct sse_text words);

/* For source_redis.c: the link is up anew, all is told again. */
void presence_again(struct presence *p);

#endif
