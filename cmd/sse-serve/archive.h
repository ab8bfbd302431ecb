/*
 * The replay logs of all channels, as the hub keeps them, and what bounds
 * them: a count of events a channel, their age and bytes, and bytes in all.
 * What is dropped is marked, so that the hub can tell those who follow.
 *
 * Bytes in all are what the allocator gave for it: each message, however many
 * workers refer to it, each history with its name, and the array of its log.
 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <stdbool.h>

#include "named.h"
#include "replay.h"
#include "retention.h"

/* One channel's log, and which workers follow it. */
struct history {
	struct named named;
	RB_ENTRY(history) by_age; /* of the oldest, else of what was dropped */
	TAILQ_ENTRY(history) by_mark;
	struct replay log;
	struct place rank; /* what by_age is sorted by */
	struct family *family;
	uint64_t followers;     /* a bit a worker */
	struct message **early; /* owned: live ones before the log has come */
	size_t nearly, early_cap;
	size_t early_bytes;
	struct place early_lost; /* the last of them that was not kept */
	bool loaded;             /* the log is as it should be */
	bool marked;
};

RB_HEAD(history_ages, history);
TAILQ_HEAD(history_marks, history);

/* Channels of which as much is kept. */
struct family {
	struct retention keep;
	struct history_ages ages;  /* those that hold events */
	struct history_ages spent; /* those that hold none and nobody follows */
};

struct archive {
	struct named_tree names;
	const struct retentions *retentions;
	struct family families[1 + RETENTION_FAMILIES_MAX];
	size_t nfamilies;
	struct history_marks marks;
	struct history
	    *held; /* holds too much, see archive_append(); or NULL */
	size_t max_bytes;
	size_t bytes;           /* all logs and histories cost */
	size_t events;          /* in all logs */
	size_t n;               /* histories */
	struct place forgotten; /* the highest dropped of those forgotten */
};

/* retentions is borrowed. */
void archive_init(
    struct archive *a, const struct retentions *retentions, size_t max_bytes);
void archive_free(struct archive *a);

struct history *archive_find(const struct archive *a, struct sse_text name);
/*
 * Made when there is none; it then counts as dropped what forgotten ones had
 * dropped, for it may be one of them.  NULL with ENOMEM.
 */
struct history *archive_get(struct archive *a, struct sse_text name);
void archive_remove(struct archive *a, struct history *h);

/* Worker follows the channel, or does no more. */
void archive_follow(struct archive *a, struct history *h, unsigned int worker);
void archive_unfollow(
    struct archive *a, struct history *h, unsigned int worker);

/*
 * Append m, taking the caller's reference, and drop what is too much: of this
 * channel by count and bytes, of all by bytes, the oldest first, but nothing behind keep.
 * Returns 1 when for that reason too much is left; h is then held.  0 when all
 * is well, -1 with ENOMEM: m is not taken, and all up to it counts as dropped.
 * Histories that are spent are forgotten for the sake of bytes, but never h.
 */
int archive_append(
    struct archive *a, struct history *h, struct message *m, struct place keep);

/*
 * For a log that is read from elsewhere: m as archive_append(), but a faulty one
 * is just dropped; all up to p has been dropped; all is forgotten.
 */
void archive_load(struct archive *a, struct history *h, struct message *m);
void archive_dropped(struct archive *a, struct history *h, struct place p);
void archive_empty(struct archive *a, struct history *h);

/* Drop again, with another keep.  1 when there still is too much. */
int archive_trim(struct archive *a, struct history *h, struct place keep);

/* Is there anything that will be too old at some time? */
bool archive_ages(const struct archive *a);

/*
 * Drop what is too old, but nothing behind keep, and forget channels that
 * nobody follows when the last that was dropped of them is too old as well.
 */
void archive_expire(struct archive *a, int64_t now_ms, struct place keep);

/* The next history that has dropped something, unmarked; NULL: none. */
struct history *archive_next_mark(struct archive *a);

/*
 * Keep m, taking the reference, until the log has come.  It counts like what is
 * in the logs, and these yield to it.  -1: nothing is left that could, or
 * ENOMEM; m is not taken, and remembered as lost.
 */
int archive_early(struct archive *a, struct history *h, struct message *m);

/* Those that were kept, in order; the caller's with their references. */
struct early {
	struct message **v; /* free() */
	size_t n;
	struct place lost; /* zero: none was */
};
struct early archive_early_end(struct archive *a, struct history *h);

/* A copy of the log, each message referenced.  NULL with ENOMEM. */
struct backlog;
struct backlog *history_backlog(const struct history *h);

#endif
