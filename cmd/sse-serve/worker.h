/*
 * A worker: a thread with an event loop that owns connections and what it
 * needs of the channels they read.  It hears of the rest from the hub.
 */
#ifndef WORKER_H
#define WORKER_H

#include <ev.h>
#include <pthread.h>

#include "acceptor.h"
#include "alarm.h"
#include "channel.h"
#include "closing.h"
#include "conf.h"
#include "counters.h"
#include "guest.h"
#include "listener.h"
#include "mailbox.h"
#include "request.h"
#include "subscriber.h"
#include "sweep.h"
#include "witness.h"

struct hub;
struct tally;

struct worker {
	const struct conf *conf;
	unsigned int id;
	struct ev_loop *loop;
	pthread_t thread;
	bool with_hub;       /* in its loop, hence its thread */
	struct mailbox box;  /* from the hub */
	struct mailbox *hub; /* to it */
	struct notices in, out;
	char *inbox; /* what is read of a request passes through it */
	size_t inbox_len;
	struct requests requests; /* that are done with */
	struct channel_table channels;
	struct era era;
	struct place settled; /* last told as NOTICE_SLOWEST */
	struct sweep sweep;   /* all connections, and those in a hurry */
	struct guests guests; /* whose identity ends */
	struct acceptor *acceptors;
	size_t nacceptors;
	struct tally *tally;
	struct counters counters;
	struct witness witness;
	ev_prepare flush;
	ev_check wake;
	struct alarm alarm; /* for what is due next */
	int64_t now_ms;     /* of clock_mono_ms() */
	struct closing closing;
	unsigned int syncing; /* streams that wait for NOTICE_SYNCED */
	uint64_t serial;      /* of the last stream */
	bool ended;           /* NOTICE_END was heard */
	bool idle_told;
	bool stopping;
};

/*
 * A worker that accepts from ls and talks to h; it does not run yet.  A lone one
 * shares h's loop: what comes is served without waking another thread.  NULL
 * with errno set.
 */
struct worker *worker_new(const struct conf *conf, unsigned int id,
    const struct listeners *ls, struct hub *h, struct tally *tally);
void worker_free(struct worker *w);

/* Start its thread; and, once h has run, wait until it has left its loop. */
int worker_start(struct worker *w);
void worker_join(struct worker *w);

/* For conn.c: */

/* Tell the hub.  The notice's texts are the worker's then. */
void worker_tell(struct worker *w, const struct notice *n);

/* The channel, which the hub is asked for when it is new.  NULL: ENOMEM. */
struct channel *worker_channel(struct worker *w, struct sse_text name);

/* Nobody may read ch any more: forget it, and tell the hub. */
void worker_release(struct worker *w, struct channel *ch);

/* The time is set anew, as the loop has it. */
const struct era *worker_era(struct worker *w);

/* A stream was written to. */
struct delivery;
void worker_delivered(struct worker *w, const struct delivery *d);

/* A descriptor is free again: accept goes on. */
void worker_closed(struct worker *w);

#endif
