/*
 * The hub: the thread that mints places, keeps the archive, owns the sources
 * and tells the workers what has come for the channels they follow.
 */
#ifndef HUB_H
#define HUB_H

#include <ev.h>

#include "archive.h"
#include "conf.h"
#include "counters.h"
#include "hush.h"
#include "repeats.h"
#include "mailbox.h"
#include "marks.h"
#include "presence.h"
#include "mint.h"
#include "service.h"
#include "shutdown.h"

struct journal;
struct source;
struct source_redis;
struct worker;

/* A worker as the hub sees it. */
struct port {
	struct worker *worker;
	struct mailbox *box;
	struct notices out;
	struct place told;    /* horizon it has heard of */
	struct place settled; /* all its subscribers have dealt with this */
	bool full;            /* its mailbox is to be read first */
	bool idle;
};

struct hub {
	const struct conf *conf;
	struct ev_loop *loop;
	struct mailbox box;
	struct notices in;
	struct port *ports;
	unsigned int nports;
	struct archive archive;
	struct marks marks; /* without Redis */
	struct presence presence;
	struct counters counters;
	struct hush hush;     /* for what strangers can cause */
	struct place last;    /* minted, or heard of */
	struct place horizon; /* all up to here has been told */
	struct place birth;
	struct bus_fork fork; /* in which Redis may have lost events */
	struct mint mint;
	struct sse_buf scratch;
	struct source *input;       /* NULL: none */
	struct source_redis *redis; /* NULL: places are minted here */
	struct journal *journal;    /* NULL: none */
	ev_prepare flush;
	ev_timer expire;
	struct shutdown shutdown;
	struct service service;
	struct repeats repeats; /* of posts, without Redis */
	bool faulty;            /* something of the input was passed over */
	const struct access_log *access_log; /* to be opened anew; NULL */
	void (*ready)(void *arg); /* to be called once it is; NULL after that */
	void *ready_arg;
};

/* -1 with errno set.  Workers are added, then it runs until it is stopped. */
int hub_open(struct hub *h, const struct conf *conf);
int hub_add(struct hub *h, struct worker *w, struct mailbox *box);
/* Publications are taken from now on; without Redis, from the start. */
void hub_ready(struct hub *h);
int hub_run(struct hub *h); /* returns an exit status */
void hub_close(struct hub *h);

/* For service.c: */

/* What can be had anew is, and no connection notices. */
void hub_reload(struct hub *h);
/* service_beat() is called once all loops have turned.  -1 with ENOMEM. */
int hub_pulse(struct hub *h);

/* For sources: */

/* Why ev may not be published, or NULL: as of event_fault(). */
const char *hub_event_fault(const struct hub *h, const struct event *ev);

/*
 * Publish an event whose channel is set.  post: NULL, or whose it is: its
 * answer grows by the ID.  Returns 1 when it is published but no more should
 * be before hub_room() says so, 0 when all is well, -1 when it cannot be
 * published, with errno EINVAL, ENOMEM or EIO.
 */
int hub_publish(struct hub *h, const struct event *ev, struct post *post);

/* May sources give more? */
bool hub_room(const struct hub *h);

/*
 * For the journal: m, of post or NULL, is written, so that it is published
 * now.  Takes the reference; its prev is set here, while nobody else has it.
 */
void hub_written(struct hub *h, struct message *m, struct post *post);

/* For the Redis bus: */

/* A message has come; takes the reference.  One that is known is dropped. */
void hub_deliver(struct hub *h, struct message *m);
/* All up to p has been delivered. */
void hub_raise(struct hub *h, struct place p);
/* The log of a channel has come: tell those who wait for it. */
void hub_loaded(struct hub *h, struct history *hist);
/* Events within f may be lost, and who has read up to there is to know. */
void hub_forked(struct hub *h, const struct bus_fork *f);
/*
 * Redis has lost events that were told.  The archive is as it is in Redis now;
 * what stands behind fresh is told again, after a gap, to everyone.
 */
void hub_forget(struct hub *h, struct place fresh);
/* There may be room again. */
void hub_resume(struct hub *h);
/* An answer for w is on its way out at the end of the turn. */
void hub_tell(struct hub *h, unsigned int worker, const struct notice *n);

#endif
