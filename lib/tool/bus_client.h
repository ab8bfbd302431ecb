/*
 * What Redis knows of clients (sse-redis(7)): the commands, and what their
 * answers mean.
 */
#ifndef BUS_CLIENT_H
#define BUS_CLIENT_H

#include "bus.h"

/*
 * The client's mark: everything up to there it has read.  With a place it is
 * moved there, but never back, and kept for age_ms (0: for ever); with zero it
 * is only read.  -1: ENOMEM.
 */
int bus_client_ack_command(const struct bus_conf *conf, struct sse_text client,
    struct place place, int64_t age_ms, struct bus_command *c);

/* BUS_REFUSED: no event of that place has been published yet. */
enum bus_answer bus_client_ack_answer(const redisReply *r, struct place *mark);

/* A connection of a client; texts borrowed. */
struct bus_member {
	struct sse_text id;
	struct sse_text client;
	struct sse_text info; /* JSON; of one that joins */
};

enum bus_presence {
	BUS_BEAT, /* the instance is alive, no more */
	BUS_JOIN,
	BUS_LEAVE,
};

/*
 * The instance is alive for ttl_ms from now on, and these connections have come
 * or gone.  It reaps instances that are not.  say: which clients have come and
 * gone by that is published to the channel presence.  -1: ENOMEM.
 */
int bus_presence_command(const struct bus_conf *conf, const char *instance,
    int64_t ttl_ms, bool say, enum bus_presence what,
    const struct bus_member *members, size_t n, struct bus_command *c);

/* What has come of it; the text lies in the reply. */
struct bus_present {
	size_t connections;    /* that the instance has there */
	struct sse_text fault; /* why nothing could be published; or empty */
};

enum bus_answer bus_presence_answer(const redisReply *r, struct bus_present *p);

/*
 * A page of all connections to all instances, of about count: from the cursor of
 * that instance's set on; "" and 0: from the first one.  -1: ENOMEM.
 */
int bus_fleet_command(const struct bus_conf *conf, const char *instance,
    uint64_t cursor, size_t count, struct bus_command *c);

struct bus_fleet {
	size_t n;                 /* connections */
	struct sse_text instance; /* the next page begins here; empty: none */
	uint64_t cursor;
};

/* A connection to an instance; texts lie in the reply. */
struct bus_seat {
	struct sse_text instance;
	struct sse_text id;
	struct sse_text client;
	struct sse_text info; /* JSON, as it was told */
};

enum bus_answer bus_fleet_answer(const redisReply *r, struct bus_fleet *f);
/* -1: it is none. */
int bus_fleet_seat(const redisReply *r, size_t i, struct bus_seat *seat);

#endif
