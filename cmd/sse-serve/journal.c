#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "compact.h"
#include "hub.h"
#include "journal.h"
#include "post.h"
#include "recovery.h"
#include "staging.h"
#include "syncing.h"

#define STAGED_BYTES ((size_t)1 << 20) /* standard input is held at so many */
#define COMPACT_BYTES ((size_t)1 << 20)
#define PROBE_BYTES 4096
#define RETRY_S 1. /* without room */

struct journal {
	struct hub *hub;
	struct journal_file file;
	struct staging staging;
	struct compact compact;
	struct syncing syncing;
	ev_timer retry; /* while there is no room */
	off_t compact_at;
	bool again; /* it is worth another try */
	bool broken;
	const char *trouble; /* a constant */
};

static void
grow(struct journal *j)
{
	j->compact_at = (off_t)(COMPACT_BYTES + 2 * j->hub->archive.bytes);
	if (j->compact_at < j->file.size)
		j->compact_at = j->file.size + (off_t)COMPACT_BYTES;
}

static void
compacted(void *arg, int error)
{
	struct journal *j = arg;

	grow(j);
	if (error != 0 && error != ENOSPC)
		warnx("journal %s: compacting it: %s", j->file.path,
		    strerror(error));
	else if (error == 0 && j->hub->conf->verbose > 0)
		warnx("journal %s: compacted to %lld bytes", j->file.path,
		    (long long)j->file.size);
}

/* The logs cost more than their blocks, so half of it and more is dropped. */
static void
compact_if_due(struct journal *j)
{
	const struct hub *h = j->hub;
	struct journal_note note = { .birth = h->birth,
		.last = h->last,
		.forgotten = h->archive.forgotten };

	if (j->file.size < j->compact_at || compact_busy(&j->compact) ||
	    j->broken)
		return;
	grow(j);
	if (j->file.size > (off_t)(2 * h->archive.bytes) &&
	    compact_start(&j->compact, &h->archive, &note) == -1)
		compacted(j, errno);
}

/* What was written may be gone: nothing can be promised any more. */
static void
fail(void *arg, int error)
{
	struct journal *j = arg;

	warnx("journal %s: syncing it: %s; ending", j->file.path,
	    strerror(error));
	j->broken = true;
	j->trouble = "the journal cannot be written";
	shutdown_fail(j->hub, EX_IOERR);
}

static void
recover(struct journal *j)
{
	if (j->trouble == NULL || j->broken)
		return;
	warnx("journal %s: it can be written again", j->file.path);
	j->trouble = NULL;
	ev_timer_stop(j->hub->loop, &j->retry);
	hub_resume(j->hub);
}

static void
retry_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct journal *j = t->data;

	(void)loop;
	(void)revents;
	/* What is held is tried at the end of the turn. */
	j->again = true;
	if (j->staging.n == 0 && journal_file_has_room(&j->file, PROBE_BYTES))
		recover(j);
}

static void
no_room(struct journal *j, int error)
{
	j->again = false;
	if (j->trouble != NULL)
		return;
	j->trouble = error == ENOSPC || error == EDQUOT || error == EFBIG
	    ? "there is no room for the journal"
	    : "the journal cannot be written";
	warnx("journal %s: %s; nothing is published until it can be written",
	    j->file.path, strerror(error));
	ev_timer_again(j->hub->loop, &j->retry);
}

int
journal_stage(struct journal *j, struct message *m, struct post *post)
{
	if (j->broken) {
		errno = EIO;
		return -1;
	}
	if (staging_add(&j->staging, m, post) == -1)
		return -1;
	j->again = j->again || post != NULL || j->trouble == NULL;
	return journal_room(j) ? 0 : 1;
}

bool
journal_room(const struct journal *j)
{
	return j->trouble == NULL && j->staging.out.len < STAGED_BYTES;
}

size_t
journal_pending(const struct journal *j)
{
	return j->staging.n;
}

const char *
journal_trouble(const struct journal *j)
{
	return j->trouble;
}

struct refusing {
	struct journal *journal;
	int status;
};

/* One of its events is not published; with the last one it is answered. */
static void
refuse(struct post *post, void *arg)
{
	const struct refusing *r = arg;
	struct journal *j = r->journal;

	post_refuse(post, r->status, j->trouble);
	if (++post->done >= post->n)
		hub_tell(j->hub, post->worker,
		    &(struct notice){ .what = NOTICE_POSTED, .post = post });
}

/* Posts are answered, the rest is held. */
static void
refuse_posts(struct journal *j, int status)
{
	struct refusing r = { j, status };

	staging_drop_posts(&j->staging, refuse, &r);
}

/* The first n are written: they are published now. */
static void
publish(struct journal *j, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hub_written(
		    j->hub, j->staging.v[i].message, j->staging.v[i].post);
	staging_shift(&j->staging, n);
}

bool
journal_commit(struct journal *j)
{
	off_t size = j->file.size;
	size_t wrote, n;
	int error = 0;

	if (j->staging.n == 0 || !j->again || j->broken)
		return false;
	wrote = journal_file_append(
	    &j->file, j->staging.out.ptr, j->staging.out.len);
	n = j->staging.n;
	if (wrote < j->staging.out.len) {
		error = errno;
		n = staging_whole(&j->staging, wrote);
		journal_file_cut(
		    &j->file, size + (off_t)staging_bytes(&j->staging, n));
	}
	if (n > 0 && syncing_written(&j->syncing) == -1) {
		fail(j, errno);
		refuse_posts(j, 503);
		return false;
	}
	publish(j, n);
	if (error == 0) {
		recover(j);
	} else {
		no_room(j, error);
		refuse_posts(j, 507);
	}
	compact_if_due(j);
	return n > 0;
}

struct journal *
journal_new(struct hub *h, int *status)
{
	struct journal *j = calloc(1, sizeof(*j));
	char fault[JOURNAL_FAULT_MAX] = "journal: out of memory";

	*status = EX_SOFTWARE;
	if (j != NULL) {
		j->hub = h;
		j->file.fd = -1;
		syncing_open(&j->syncing, h->conf->journal_sync, h->loop,
		    &j->file, fail, j);
		compact_init(&j->compact, h->loop, &j->file, compacted, j);
		ev_init(&j->retry, retry_ready);
		j->retry.repeat = RETRY_S;
		j->retry.data = j;
		/* A limit on the size of files is no reason to die. */
		(void)signal(SIGXFSZ, SIG_IGN);
		*status = journal_file_open(&j->file, h->conf->journal, fault);
		if (*status == 0)
			*status = recovery_read(h, &j->file, fault);
	}
	if (*status != 0) {
		warnx("%s", fault);
		journal_free(j);
		return NULL;
	}
	j->compact_at = (off_t)COMPACT_BYTES;
	return j;
}

void
journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	compact_stop(&j->compact);
	syncing_close(&j->syncing);
	staging_free(&j->staging);
	journal_file_close(&j->file);
	ev_timer_stop(j->hub->loop, &j->retry);
	free(j);
}
