/*
 * The file of a journal: an event stream to which blocks are appended, held by
 * one process at a time.  It opens with a block that no reader of event streams
 * dispatches, since it bears no data:
 *
 *	: sse-serve journal 1
 *	birth: PLACE		the first minted of the namespace
 *	last: PLACE		the last minted when the file was begun
 *	forgotten: PLACE	the highest dropped of channels forgotten since
 *
 * Such blocks follow for channels that had dropped events by then ("channel"
 * and "dropped"), then events with all their fields, in the order of places.
 * An event whose own ID is not its place bears "place" as well.
 */
#ifndef JOURNAL_FILE_H
#define JOURNAL_FILE_H

#include <sys/types.h>
#include <stdbool.h>

#include "event.h"
#include "place.h"

struct message;

#define JOURNAL_FAULT_MAX 512

struct journal_file {
	int fd;           /* -1: not open */
	const char *path; /* borrowed */
	off_t size;       /* of its whole blocks: here the next one goes */
};

/* What the first block, or that of a channel, says.  Zero: not said. */
struct journal_note {
	struct sse_text channel; /* empty: of the namespace */
	struct place birth;
	struct place last;
	struct place forgotten;
	struct place dropped;
};

/* Who is told of what is in a file; 0 to go on, -1 with ENOMEM. */
struct journal_reader {
	int (*note)(const struct journal_note *n, void *arg);
	int (*event)(const struct event *ev, struct place p, void *arg);
	void *arg;
	unsigned long long passed_over; /* blocks that are none of ours */
};

/*
 * Open path for this process alone, made when there is none (mode 0600).
 * Returns 0, or an exit status with fault set: EX_TEMPFAIL when another process
 * has it, EX_CANTCREAT, EX_IOERR, EX_DATAERR when it is no journal; then the
 * file is as it was.
 */
int journal_file_open(struct journal_file *f, const char *path,
    char fault[static JOURNAL_FAULT_MAX]);

/*
 * Read all of it.  A block at the end that is cut short is no event: it is cut
 * off.  Returns 0 or an exit status, as journal_file_open().
 */
int journal_file_read(struct journal_file *f, struct journal_reader *r,
    char fault[static JOURNAL_FAULT_MAX]);
void journal_file_close(struct journal_file *f);

/*
 * Append.  Returns how many of the len bytes were written, fewer than len with
 * errno set: the caller cuts it where a block ends, journal_file_cut().
 */
size_t journal_file_append(struct journal_file *f, const void *p, size_t len);
void journal_file_cut(struct journal_file *f, off_t size);

/* Is there room for n bytes more?  They are written, and cut off again. */
bool journal_file_has_room(struct journal_file *f, size_t n);

/* On the disk, or -1 with errno. */
int journal_file_sync(const struct journal_file *f);

/*
 * An empty file beside f, for journal_file_replace() to put in its place, which
 * is atomic and durable.  -1 with errno: it is removed, or was put in place but
 * may not be there after a failure of the power.  *old_fd is the caller's then,
 * or -1: to close it frees the blocks of a large file, which takes its time.
 */
int journal_file_beside(struct journal_file *new, const struct journal_file *f);
int journal_file_replace(
    struct journal_file *f, struct journal_file *new, int *old_fd);
void journal_file_discard(
    struct journal_file *new, const struct journal_file *f);

/* The bytes of a block, appended to b.  -1 with ENOMEM. */
int journal_encode_note(struct sse_buf *b, const struct journal_note *n);
int journal_encode_message(struct sse_buf *b, const struct message *m);

#endif
