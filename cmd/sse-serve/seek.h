/*
 * Where a stream that opens is to begin, when that is not known from what is in
 * memory: with the newest N events, or behind one that is known by the text of
 * its ID.  The logs of its channels are looked through backwards, page by page,
 * no further than they are to be kept.
 */
#ifndef SEEK_H
#define SEEK_H

#include "subscriber.h"

struct seek;

/* Does memory hold less than start may need, and may more be had elsewhere? */
bool seek_needed(const struct subscriber *s, const struct start *start);

/*
 * Look through what memory holds.  All channels of s are attached; s and the
 * texts of start outlive it.  NULL with ENOMEM.
 */
struct seek *seek_new(const struct subscriber *s, const struct start *start,
    const struct era *era);
void seek_free(struct seek *k);

/* A page of ch's log has come. */
void seek_read(
    struct seek *k, const struct channel *ch, const struct leaf *leaf);

/* Is it found, or nowhere?  False: the pages that are needed are wished for. */
bool seek_done(struct seek *k);

/*
 * What was found: the cursor to begin with, for START_ID the place of the event;
 * zero: there is none.
 */
struct place seek_found(const struct seek *k);

#endif
