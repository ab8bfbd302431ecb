/*
 * When a journal is on the disk: at once, within a second by a thread of its
 * own, or when the kernel likes, as --fsync says.
 */
#ifndef SYNCING_H
#define SYNCING_H

#include "chore.h"
#include "conf.h"

struct journal_file;

struct syncing {
	enum journal_sync when;
	struct journal_file *file; /* borrowed: the journal */
	struct chore chore;
	ev_timer timer;
	int fd;     /* the thread's own */
	bool dirty; /* written, and not synced */
	bool broken;
	/* It could not be: error is an errno.  Not called before a return. */
	void (*failed)(void *arg, int error);
	void *arg;
};

void syncing_open(struct syncing *s, enum journal_sync when,
    struct ev_loop *loop, struct journal_file *f,
    void (*failed)(void *arg, int error), void *arg);

/* It has been written to.  -1 with errno: it was to be synced, and is not. */
int syncing_written(struct syncing *s);

/* Wait for the thread, and sync what is left unless that is nobody's wish. */
void syncing_close(struct syncing *s);

#endif
