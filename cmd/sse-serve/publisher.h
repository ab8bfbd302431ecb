/*
 * Publishing to Redis from the event loop, each event once: what has gathered
 * goes as one batch, the next one when that is answered, and a batch whose
 * answer was lost with its link goes again under its number.
 */
#ifndef PUBLISHER_H
#define PUBLISHER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "bus.h"
#include "redis_async.h"

struct hub;
struct post;

/* A run of events of one post, or of none. */
struct share {
	struct post *post; /* owned by all of its shares; NULL: of input */
	size_t n;
};

struct parcel {
	TAILQ_ENTRY(parcel) entry;
	struct bus_batch *batch;
	struct share *shares;
	size_t nshares, cap;
	bool numbered;
	bool foreign; /* by the producer of its only post, not by us */
};

TAILQ_HEAD(parcel_list, parcel);

struct publisher {
	struct hub *hub;
	struct redis_async *link;
	struct parcel_list parcels; /* the first one flies */
	size_t nparcels;
	ev_prepare flush;
	ev_timer later;    /* Redis was busy */
	double busy_since; /* and has been since then; 0: it is not */
	char name[32];
	uint64_t number;
	struct place last; /* of the last one answered */
	bool flying;
	bool by_text; /* the script is not known there */
};

/* -1 with ENOMEM. */
int publisher_open(
    struct publisher *p, struct hub *h, struct redis_async *link);
void publisher_close(struct publisher *p);

/* As source_redis_publish(). */
int publisher_add(
    struct publisher *p, const struct event *ev, struct post *post);
/* As source_redis_publish_batch(). */
int publisher_add_batch(struct publisher *p, struct post *post);
bool publisher_room(const struct publisher *p);
size_t publisher_pending(const struct publisher *p); /* events */

/* The link has been lost: what was flying is to go again. */
void publisher_down(struct publisher *p);

#endif
