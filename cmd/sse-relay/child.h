/*
 * A child: another program that lines pass through, by two pipes of which none
 * is ever waited for.  What the lines mean is another's business.
 */
#ifndef CHILD_H
#define CHILD_H

#include <poll.h>
#include <stdbool.h>

#include "sse.h"

#define CHILD_FDS 2

struct child;

/*
 * Start command by sh(1), in a process group of its own.  NULL with errno set.
 */
struct child *child_new(const char *command);
void child_free(struct child *c);

/* Where to append lines; child_feed() writes what the pipe takes of them. */
struct sse_buf *child_out(struct child *c);
size_t child_unsent(const struct child *c); /* bytes */
void child_feed(struct child *c);

/* Will it take more?  Not once it has closed its input, or is closed. */
bool child_takes(const struct child *c);

/* Its input ends behind what is not sent yet. */
void child_close(struct child *c);
bool child_closed(const struct child *c);

/* Read what has come.  Returns 1 if something has, 0, or -1 with ENOMEM. */
int child_drain(struct child *c);

/*
 * The next whole line of what was read, without CR or LF, good until the next
 * child_drain().  False when there is none.
 */
bool child_line(struct child *c, struct sse_text *t);
size_t child_unread(const struct child *c); /* bytes behind the last line */

bool child_ended(const struct child *c); /* nothing more comes */

/* How it ended, as of waitpid(); false when it lives on without an output. */
bool child_reap(struct child *c, int *status);

/* What to poll, CHILD_FDS of them; for reading only if that is wanted now. */
void child_poll(const struct child *c, struct pollfd *p, bool reading);

#endif
