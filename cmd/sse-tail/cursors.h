/*
 * How far each stream is written: its last event ID in the file of --state.
 * NULL is without one: then nothing is kept.
 */
#ifndef CURSORS_H
#define CURSORS_H

#include "stream.h"

struct cursors;

/* Of the n streams, borrowed.  It ends the program as state_open() does. */
struct cursors *cursors_open(
    const char *path, const struct stream *streams, size_t n);

/* Where the stream goes on; NULL: it is not known. */
const char *cursors_start(const struct cursors *c, const struct stream *s);

/* It may have moved; cursors_written() looks, once what it covers is written. */
void cursors_moved(struct cursors *c, const struct stream *s);
void cursors_written(struct cursors *c);

/* What this one covers is done: keep it at once. */
void cursors_done(struct cursors *c, const struct stream *s);

/* When cursors_written() wants to be called, clock_mono_ms(); else INT64_MAX. */
int64_t cursors_due_ms(const struct cursors *c);

/* Keep what is not yet, of what cursors_written() was told of. */
void cursors_save(struct cursors *c);
void cursors_close(struct cursors *c);

#endif
