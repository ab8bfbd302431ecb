/*
 * The hub: the thread that mints places, keeps the archive, owns the sources
 * and tells the workers what has come for the channels they follow.
 */
#ifndef HUB_H
#define HUB_H

#include <ev.h>

#include "archive.h"
#include "conf.h"
#include "mailbox.h"

struct source_redis;
struct source_stdin;
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
	struct place last;    /* minted, or heard of */
	struct place horizon; /* all up to here has been told */
	struct place birth;
	bool adopted; /* last came with its event, see mint() */
	struct sse_buf scratch;
	struct source_stdin *input; /* NULL: not read */
	struct source_redis *redis; /* NULL: places are minted here */
	ev_prepare flush;
	ev_timer expire;
	ev_timer linger;
	ev_timer deadline; /* when it is stopped */
	ev_signal sigint, sigterm;
	bool faulty; /* something of the input was passed over */
	bool input_ended, ended, stopping;
	int status; /* to exit with */
};

/* -1 with errno set.  Workers are added, then it runs until it is stopped. */
int hub_open(struct hub *h, const struct conf *conf);
int hub_add(struct hub *h, struct worker *w, struct mailbox *box);
int hub_run(struct hub *h); /* returns an exit status */
void hub_close(struct hub *h);

/* For sources: */

/*
 * Publish an event whose channel is set.  post: NULL, or whose it is: its
 * answer grows by the ID.  Returns 1 when it is published but no more should
 * be before hub_room() says so, 0 when all is well, -1 when it cannot be
 * published, with errno EINVAL or ENOMEM.
 */
int hub_publish(struct hub *h, const struct event *ev, struct post *post);

/* May sources give more? */
bool hub_room(const struct hub *h);

/* Standard input has ended. */
void hub_input_ended(struct hub *h);

/* For the Redis bus: */

/* A message has come; takes the reference.  One that is known is dropped. */
void hub_deliver(struct hub *h, struct message *m);
/* All up to p has been delivered. */
void hub_raise(struct hub *h, struct place p);
/* The log of a channel has come: tell those who wait for it. */
void hub_loaded(struct hub *h, struct history *hist);
/* There may be room again. */
void hub_resume(struct hub *h);
/* An answer for w is on its way out at the end of the turn. */
void hub_tell(struct hub *h, unsigned int worker, const struct notice *n);
/* It cannot go on. */
void hub_fail(struct hub *h, int status);

#endif
