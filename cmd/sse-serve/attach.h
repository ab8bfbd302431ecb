/*
 * Attaching channels of Redis: their logs are read over the link of commands
 * while live messages come over the other one, and the two are joined without
 * a loss or a repetition, in the one order of places (sse-redis(7)).
 */
#ifndef ATTACH_H
#define ATTACH_H

#include "archive.h"
#include "bus.h"
#include "fork.h"
#include "round.h"

struct hub;

struct attach {
	struct hub *hub;
	struct redis_async *link;     /* of commands */
	struct topic_list subscribed; /* their logs are to be read */
	struct round_list rounds;     /* sent, or to be sent again */
	size_t resuming;              /* topics that are not live again yet */
	struct place passed;          /* by the live link */
	bool forked;      /* the logs in Redis are not what they were */
	struct fork fork; /* and part from ours here */
	/* An answer is none; not called before a return. */
	void (*failed)(void *arg, const char *why);
	void *arg;
	char marker[BUS_MARKER_LEN]; /* the Pub/Sub channel for markers */
};

void attach_init(struct attach *a, struct hub *h, struct redis_async *link,
    void (*failed)(void *, const char *), void *arg);
void attach_clear(struct attach *a);

/* t is subscribed to: its log is to be read. */
void attach_add(struct attach *a, struct topic *t);

/* Read the logs of all that were added. */
void attach_send(struct attach *a);

/* t is not wanted, or not subscribed to, any more. */
void attach_forget(struct attach *a, struct topic *t);

/*
 * The links are lost: logs are read again when their topics are added again.
 * t, which is wanted then, may go on where it stood.
 */
void attach_reset(struct attach *a);
void attach_resume(struct attach *a, struct topic *t);

/*
 * Redis has lost some of what it had told: the logs are read as a whole when
 * topics are added again, and readers are told of a gap once all are here.
 */
void attach_fork(struct attach *a);

/* t was wanted, and is not any more. */
void attach_give_up(struct attach *a, struct topic *t);

/* Links are back: ask again what workers had asked. */
void attach_again(struct attach *a);

/* Learn the last minted place; worker is told, -1: nobody. */
void attach_sync(struct attach *a, int worker, bool now);

/* A live event of topic t (NULL: of none here) has come. */
void attach_live(struct attach *a, struct topic *t, struct bus_entry *e);

/* What of topic t (NULL: of none here) came live is doubtful: its log knows. */
void attach_check(struct attach *a, struct topic *t);

/* The live link has passed p: a marker. */
void attach_pass(struct attach *a, struct place p);

#endif
