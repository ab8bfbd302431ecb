#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "compact.h"
#include "hub.h"
#include "journal.h"
#include "post.h"
#include "units.h"

#define STAGED_BYTES ((size_t)1 << 20) /* standard input is held at so many */
#define COMPACT_BYTES ((size_t)1 << 20)
#define PROBE_BYTES 4096
#define SYNC_S 1.  /* --fsync 1s */
#define RETRY_S 1. /* without room */

/* An event on its way to the disk. */
struct staged {
	struct message *message; /* owned */
	struct post *post;       /* owned by all of its events; or NULL */
	size_t end;              /* of its bytes in out */
};

struct journal {
	struct hub *hub;
	struct journal_file file;
	struct staged *staged;
	size_t n, cap;
	struct sse_buf out; /* the bytes of all that is staged */
	struct compact compact;
	struct chore syncing;
	ev_timer sync;  /* with --fsync 1s */
	ev_timer retry; /* while there is no room */
	off_t compact_at;
	int sync_fd;
	bool dirty; /* written, and not synced */
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
fail(struct journal *j, int error)
{
	warnx("journal %s: syncing it: %s; ending", j->file.path,
	    strerror(error));
	j->broken = true;
	j->trouble = "the journal cannot be written";
	shutdown_fail(j->hub, EX_IOERR);
}

static int
sync_run(void *arg)
{
	struct journal *j = arg;
	struct journal_file f = { .fd = j->sync_fd };

	return journal_file_sync(&f) == 0 ? 0 : errno;
}

static void
sync_finished(void *arg, int error)
{
	struct journal *j = arg;

	(void)close(j->sync_fd);
	j->sync_fd = -1;
	if (error != 0)
		fail(j, error);
}

static void
sync_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct journal *j = t->data;

	(void)loop;
	(void)revents;
	if (!j->dirty || j->syncing.busy || j->broken)
		return;
	j->dirty = false;
	/* One of its own, for compaction may close the other meanwhile. */
	if ((j->sync_fd = dup(j->file.fd)) != -1 &&
	    chore_start(&j->syncing, sync_run, sync_finished, j) == 0)
		return;
	if (j->sync_fd != -1)
		(void)close(j->sync_fd);
	j->sync_fd = -1;
	if (journal_file_sync(&j->file) == -1)
		fail(j, errno);
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
	if (j->n == 0 && journal_file_has_room(&j->file, PROBE_BYTES))
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
	if (j->n == j->cap) {
		size_t cap = j->cap == 0 ? 64 : j->cap * 2;
		struct staged *grown = reallocarray(
		    j->staged, cap, sizeof(*grown));

		if (grown == NULL)
			return -1;
		j->staged = grown;
		j->cap = cap;
	}
	if (journal_encode_message(&j->out, m) == -1)
		return -1;
	j->staged[j->n++] = (struct staged){ m, post, j->out.len };
	j->again = j->again || post != NULL || j->trouble == NULL;
	return journal_room(j) ? 0 : 1;
}

bool
journal_room(const struct journal *j)
{
	return j->trouble == NULL && j->out.len < STAGED_BYTES;
}

size_t
journal_pending(const struct journal *j)
{
	return j->n;
}

const char *
journal_trouble(const struct journal *j)
{
	return j->trouble;
}

/* How many of the staged lie whole in the first len bytes; a post is one. */
static size_t
count_whole(const struct journal *j, size_t len)
{
	size_t n = 0;

	while (n < j->n && j->staged[n].end <= len)
		n++;
	while (n > 0 && n < j->n && j->staged[n].post != NULL &&
	    j->staged[n].post == j->staged[n - 1].post)
		n--;
	return n;
}

/* Take the first n out, whose messages have gone. */
static void
shift(struct journal *j, size_t n)
{
	size_t bytes = n == 0 ? 0 : j->staged[n - 1].end;

	j->n -= n;
	j->out.len -= bytes;
	if (j->n > 0) {
		memmove(j->staged, j->staged + n, j->n * sizeof(j->staged[0]));
		memmove(j->out.ptr, j->out.ptr + bytes, j->out.len);
	}
	for (size_t i = 0; i < j->n; i++)
		j->staged[i].end -= bytes;
	/* What one turn brought that was large is not kept for good. */
	if (j->n == 0 && j->out.cap > 4 * STAGED_BYTES)
		sse_buf_free(&j->out);
}

/* One of its events is not published; with the last one it is answered. */
static void
refuse(struct journal *j, struct post *post, int status)
{
	post_refuse(post, status, j->trouble);
	if (++post->done >= post->n)
		hub_tell(j->hub, post->worker,
		    &(struct notice){ .what = NOTICE_POSTED, .post = post });
}

/* Posts are answered, the rest is held. */
static void
refuse_posts(struct journal *j, int status)
{
	size_t kept = 0, at = 0, bytes = 0;

	for (size_t i = 0; i < j->n; i++) {
		struct staged s = j->staged[i];
		size_t len = s.end - at;

		if (s.post != NULL) {
			message_unref(s.message);
			refuse(j, s.post, status);
		} else {
			memmove(j->out.ptr + bytes, j->out.ptr + at, len);
			bytes += len;
			j->staged[kept++] = (struct staged){ s.message, NULL,
				bytes };
		}
		at = s.end;
	}
	j->n = kept;
	j->out.len = bytes;
}

/* The first n are written: they are published now. */
static void
publish(struct journal *j, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hub_written(j->hub, j->staged[i].message, j->staged[i].post);
	shift(j, n);
}

static int
sync_now(struct journal *j)
{
	j->dirty = true;
	if (j->hub->conf->journal_sync != JOURNAL_SYNC_ALWAYS)
		return 0;
	j->dirty = false;
	return journal_file_sync(&j->file);
}

bool
journal_commit(struct journal *j)
{
	off_t size = j->file.size;
	size_t wrote, n;
	int error = 0;

	if (j->n == 0 || !j->again || j->broken)
		return false;
	wrote = journal_file_append(&j->file, j->out.ptr, j->out.len);
	n = j->n;
	if (wrote < j->out.len) {
		error = errno;
		n = count_whole(j, wrote);
		journal_file_cut(
		    &j->file, size + (off_t)(n > 0 ? j->staged[n - 1].end : 0));
	}
	if (n > 0 && sync_now(j) == -1) {
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

/* While it is read: */
struct reading {
	struct hub *hub;
	struct journal_reader reader;
	struct place top; /* of the events read so far */
	struct place last;
	size_t events;
};

static int
read_note(const struct journal_note *n, void *arg)
{
	struct reading *r = arg;
	struct hub *h = r->hub;
	struct history *hist;

	if (n->channel.len == 0) {
		h->birth = place_max(h->birth, n->birth);
		r->last = place_max(r->last, n->last);
		h->archive.forgotten = place_max(
		    h->archive.forgotten, n->forgotten);
		return 0;
	}
	if (!channel_valid(n->channel)) {
		r->reader.passed_over++;
		return 0;
	}
	if ((hist = archive_get(&h->archive, n->channel)) == NULL)
		return -1;
	hist->loaded = true;
	archive_dropped(&h->archive, hist, n->dropped);
	return 0;
}

static int
read_event(const struct event *ev, struct place p, void *arg)
{
	static const struct place all = { UINT64_MAX, UINT64_MAX };
	struct reading *r = arg;
	struct hub *h = r->hub;
	struct history *hist;
	struct message *m;

	if (event_fault(ev) != NULL || place_cmp(p, r->top) <= 0) {
		r->reader.passed_over++;
		return 0;
	}
	if ((hist = archive_get(&h->archive, ev->channel)) == NULL)
		return -1;
	hist->loaded = true;
	m = message_new(&h->scratch, ev, p, replay_last(&hist->log));
	if (m == NULL)
		return -1;
	if (archive_append(&h->archive, hist, m, all) == -1) {
		message_unref(m);
		return -1;
	}
	r->top = p;
	r->events++;
	if (place_is_zero(h->birth))
		h->birth = p;
	return 0;
}

static void
report(const struct journal *j, const struct reading *r)
{
	if (r->reader.passed_over > 0)
		warnx("journal %s: %llu blocks that are none of ours are "
		      "passed over",
		    j->file.path, r->reader.passed_over);
	if (j->hub->conf->verbose > 0)
		warnx("journal %s: %zu events read", j->file.path, r->events);
}

/* A file that is new, or was never begun, gets its first block. */
static int
begin(struct journal *j, char fault[static JOURNAL_FAULT_MAX])
{
	struct journal_note none = { .channel = { NULL, 0 } };
	struct sse_buf b = { 0 };
	int status = 0;

	if (j->file.size > 0)
		return 0;
	if (journal_encode_note(&b, &none) == -1 ||
	    journal_file_append(&j->file, b.ptr, b.len) < b.len ||
	    journal_file_sync(&j->file) == -1) {
		snprintf(fault, JOURNAL_FAULT_MAX, "journal %s: %s",
		    j->file.path, strerror(errno));
		journal_file_cut(&j->file, 0);
		status = EX_IOERR;
	}
	sse_buf_free(&b);
	return status;
}

static int
read_back(struct journal *j, char fault[static JOURNAL_FAULT_MAX])
{
	struct hub *h = j->hub;
	struct reading r = { .hub = h };
	int status;

	r.reader = (struct journal_reader){ read_note, read_event, &r, 0 };
	status = journal_file_read(&j->file, &r.reader, fault);
	if (status != 0)
		return status;
	archive_expire(&h->archive, clock_unix_ms(),
	    (struct place){ UINT64_MAX, UINT64_MAX });
	h->last = h->horizon = place_max(
	    place_max(r.top, r.last), h->archive.forgotten);
	report(j, &r);
	return begin(j, fault);
}

static void
make_watchers(struct journal *j)
{
	ev_timer_init(&j->sync, sync_ready, SYNC_S, SYNC_S);
	ev_init(&j->retry, retry_ready);
	j->retry.repeat = RETRY_S;
	j->sync.data = j->retry.data = j;
	if (j->hub->conf->journal_sync == JOURNAL_SYNC_SECOND)
		ev_timer_start(j->hub->loop, &j->sync);
}

struct journal *
journal_new(struct hub *h, int *status)
{
	struct journal *j = calloc(1, sizeof(*j));
	char fault[JOURNAL_FAULT_MAX] = "journal: out of memory";

	*status = EX_SOFTWARE;
	if (j != NULL) {
		j->hub = h;
		j->file.fd = j->sync_fd = -1;
		chore_init(&j->syncing, h->loop);
		compact_init(&j->compact, h->loop, &j->file, compacted, j);
		make_watchers(j);
		/* A limit on the size of files is no reason to die. */
		(void)signal(SIGXFSZ, SIG_IGN);
		*status = journal_file_open(&j->file, h->conf->journal, fault);
		if (*status == 0)
			*status = read_back(j, fault);
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
	chore_stop(&j->syncing);
	if (j->sync_fd != -1)
		(void)close(j->sync_fd);
	compact_stop(&j->compact);
	/* The power may fail later, and that this ended well be forgotten. */
	if (j->file.fd != -1 && j->dirty &&
	    j->hub->conf->journal_sync != JOURNAL_SYNC_NEVER)
		(void)journal_file_sync(&j->file);
	for (size_t i = 0; i < j->n; i++) {
		struct post *post = j->staged[i].post;

		message_unref(j->staged[i].message);
		/* The last event of a post is the one that frees it. */
		if (post != NULL && ++post->done >= post->n)
			post_free(post);
	}
	free(j->staged);
	sse_buf_free(&j->out);
	journal_file_close(&j->file);
	ev_timer_stop(j->hub->loop, &j->sync);
	ev_timer_stop(j->hub->loop, &j->retry);
	free(j);
}
