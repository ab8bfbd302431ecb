/*
 * Compaction of a journal: what retention keeps is written to a file beside it,
 * by a thread, while the journal grows on; what came meanwhile is copied behind
 * it, and the new file takes the old one's name.
 */
#ifndef COMPACT_H
#define COMPACT_H

#include <stdatomic.h>

#include "archive.h"
#include "chore.h"
#include "journal_file.h"

struct compact {
	struct chore chore;
	struct journal_file *file; /* borrowed: the journal */
	struct journal_file new;
	/* Called by the loop once it is replaced, 0, or failed, an errno. */
	void (*finished)(void *arg, int error);
	void *arg;

	/* The thread's while it runs: */
	struct sse_buf head;       /* the notes */
	struct message **messages; /* owned: each referenced */
	size_t n;
	int from_fd;
	off_t from, to; /* then these bytes of the journal */
	atomic_bool stopped;

	int old_fd; /* of the file that was replaced */

	unsigned int rounds;
};

void compact_init(struct compact *c, struct ev_loop *loop,
    struct journal_file *f, void (*finished)(void *arg, int error), void *arg);

/* Begin, with what archive holds now.  -1 with errno. */
int compact_start(struct compact *c, const struct archive *a,
    const struct journal_note *note);

/* Break off, if it runs: the journal stays as it is. */
void compact_stop(struct compact *c);

static inline bool
compact_busy(const struct compact *c)
{
	return c->chore.busy;
}

#endif
