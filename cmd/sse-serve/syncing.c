#include <errno.h>
#include <unistd.h>

#include "journal_file.h"
#include "syncing.h"

#define SYNC_S 1. /* --fsync 1s */

static void
fail(struct syncing *s, int error)
{
	s->broken = true;
	s->failed(s->arg, error);
}

static int
run(void *arg)
{
	struct syncing *s = arg;
	struct journal_file f = { .fd = s->fd };

	return journal_file_sync(&f) == 0 ? 0 : errno;
}

static void
finished(void *arg, int error)
{
	struct syncing *s = arg;

	(void)close(s->fd);
	s->fd = -1;
	if (error != 0)
		fail(s, error);
}

static void
timer_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct syncing *s = t->data;

	(void)loop;
	(void)revents;
	if (!s->dirty || s->chore.busy || s->broken)
		return;
	s->dirty = false;
	/* One of its own, for compaction may close the other meanwhile. */
	if ((s->fd = dup(s->file->fd)) != -1 &&
	    chore_start(&s->chore, run, finished, s) == 0)
		return;
	if (s->fd != -1)
		(void)close(s->fd);
	s->fd = -1;
	if (journal_file_sync(s->file) == -1)
		fail(s, errno);
}

void
syncing_open(struct syncing *s, enum journal_sync when, struct ev_loop *loop,
    struct journal_file *f, void (*failed)(void *arg, int error), void *arg)
{
	*s = (struct syncing){
		.when = when, .file = f, .fd = -1, .failed = failed, .arg = arg
	};
	chore_init(&s->chore, loop);
	ev_timer_init(&s->timer, timer_ready, SYNC_S, SYNC_S);
	s->timer.data = s;
	if (when == JOURNAL_SYNC_SECOND)
		ev_timer_start(loop, &s->timer);
}

int
syncing_written(struct syncing *s)
{
	s->dirty = true;
	if (s->when != JOURNAL_SYNC_ALWAYS)
		return 0;
	s->dirty = false;
	return journal_file_sync(s->file);
}

void
syncing_close(struct syncing *s)
{
	chore_stop(&s->chore);
	if (s->fd != -1)
		(void)close(s->fd);
	ev_timer_stop(s->chore.loop, &s->timer);
	/* The power may fail later, and that this ended well be forgotten. */
	if (s->dirty && s->when != JOURNAL_SYNC_NEVER)
		(void)journal_file_sync(s->file);
}
