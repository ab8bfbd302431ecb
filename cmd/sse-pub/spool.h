/*
 * Events that wait for their destination: a directory that several programs
 * share.  In it "events" is an event stream, each event with a field "once",
 * the key that tells its repeats; "lock" keeps order.  Who flushes has byte 0
 * of it, who changes the file byte 1, for a moment.
 *
 * What a crash has left unfinished at the end is no event, and cut off by
 * whoever appends next.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct spool;

/*
 * Open dir, which is made if it is missing, and is to be its user's alone.
 * NULL with *status of sysexits.h, said on standard error.
 */
struct spool *spool_new(const char *dir, size_t max_bytes, int *status);
void spool_free(struct spool *s);

/* Append ev to b as a spool holds it.  -1 with ENOMEM. */
int spool_encode(
    struct sse_buf *b, const struct event *ev, struct sse_text once);

/*
 * Append what spool_encode() made and see it on the disk: all of it or none.
 * -1 with errno; EDQUOT says that the spool is full.
 */
int spool_append(struct spool *s, struct sse_text blocks);

/* Does nothing wait?  -1 with errno. */
int spool_is_empty(struct spool *s);

/*
 * Begin to flush, when nobody else does or has ceased to by deadline_ms of
 * clock_mono_ms().  Returns 1, or 0 when the time is up; -1 with errno.
 */
int spool_begin(struct spool *s, int64_t deadline_ms);

/*
 * The next event, good until the next call: 1, or 0 when there is none; -1 with
 * errno.  What is malformed is passed over, and said.
 */
int spool_next(struct spool *s, struct event *ev, struct sse_text *once);

/* All that spool_next() has given is published; or what was not comes again. */
void spool_sent(struct spool *s);
int spool_rewind(struct spool *s);

/*
 * Take out what was published.  Returns 1 when more has come meanwhile, which
 * spool_next() gives; 0 when nothing is left; -1 with errno.
 */
int spool_clean(struct spool *s);

/* Cease to flush; what was published is taken out. */
void spool_end(struct spool *s);

#endif
