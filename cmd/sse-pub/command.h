/*
 * A command whose output becomes events: each line as it comes, of type stdout
 * or stderr, and at the end one of type exit.  It runs as if nobody watched: it
 * is never made to wait for what becomes of the events.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct command_conf {
	char **argv;     /* the command, NULL behind it */
	bool quiet;      /* do not pass the output through */
	size_t max_line; /* a longer one becomes several events */
	/*
	 * Publish the event stream that fd gives, until it ends, in a process
	 * of its own, and return its exit status.  SIGUSR1 asks it not to wait
	 * for the destination any longer.
	 */
	int (*publish)(int fd, void *arg);
	void *arg;
	bool spooled; /* it need not wait then, and loses nothing */
};

/*
 * Run it to its end.  Returns its exit status as a shell gives it: 128 + N when
 * signal N has ended it, 126 or 127 when it cannot be run.  What could not be
 * published is warned of.
 */
int command_run(const struct command_conf *conf);

#endif
