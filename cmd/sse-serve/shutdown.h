/*
 * How the server ends: at the end of standard input, once nobody comes back for
 * the rest, or when it is stopped; each in steps that wait for the workers.
 */
#ifndef SHUTDOWN_H
#define SHUTDOWN_H

#include <ev.h>
#include <stdbool.h>

struct hub;

/* Of the hub, which has one; ended and stopping are for all to read. */
struct shutdown {
	ev_timer linger;   /* for who comes back at the end */
	ev_timer deadline; /* when it is stopped */
	bool input_ended;  /* what it gave may be under way */
	bool ended;        /* NOTICE_END was said */
	bool stopping;
	int status; /* to exit with */
};

void shutdown_open(struct hub *h);

/*
 * Standard input has ended.  With --exit-on-eof the workers are told as soon as
 * all that it gave is published, and the server ends when they are idle.
 */
void shutdown_input(struct hub *h);

/* Accept no more, flush, close, and return from hub_run(). */
void shutdown_begin(struct hub *h);
/* The same, now. */
void shutdown_now(struct hub *h);
/* It cannot go on: stop, with that exit status. */
void shutdown_fail(struct hub *h, int status);

/* A worker has no connection left; and Redis may have taken all there was. */
void shutdown_idle(struct hub *h, unsigned int worker);
void shutdown_if_done(struct hub *h);

/* It has ended: say what is left unpublished.  Returns the exit status. */
int shutdown_report(const struct hub *h);

#endif
