/*
 * The command of --exec: run for an event, whose data it reads and which its
 * environment describes.  Nothing of the event is ever part of the command.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <poll.h>
#include <stdint.h>

#include "event.h"

struct command_conf {
	const char *text;     /* for sh -c */
	unsigned int retries; /* so many more runs when one fails */
	int64_t timeout_ms;   /* of each run; 0: none */
	const char *secret;   /* a variable that it must not see; NULL */
	/* Wait as poll(2) does, and let work what has to meanwhile. */
	void (*wait)(
	    void *arg, struct pollfd *p, unsigned int n, int timeout_ms);
	void *arg;
};

/* What its environment says. */
struct command_event {
	struct sse_text type, id, channel, url;
};

/*
 * Run it until it exits with 0: then 0 is returned.  -1 when each run has
 * failed; why is in fault, cap bytes.  Once interrupt_signal() tells of a
 * signal the command is sent the same and given 5 seconds, and is not run
 * again.  While it runs it is a process group of its own, all of which ends
 * when its time is up.
 */
int command_run(const struct command_conf *conf, struct sse_text data,
    const struct command_event *ev, char *fault, size_t cap);

#endif
