/*
 * The messages of a reader's Pub/Sub link, taken apart one after the other.  Of
 * use to reader.c alone.
 */
#ifndef READER_LIVE_H
#define READER_LIVE_H

#include <stdbool.h>

#include "bus.h"

struct reader_live;

/* conf is borrowed.  NULL with ENOMEM. */
struct reader_live *reader_live_new(const struct bus_conf *conf);
void reader_live_free(struct reader_live *l);

enum reader_live_what {
	READER_LIVE_NONE,    /* nothing that concerns anyone */
	READER_LIVE_MARKER,  /* all up to *horizon has come */
	READER_LIVE_ENTRIES, /* reader_live_next() has them */
};

/*
 * Take reply, the next one of the link, in the place of the one before; last is
 * the last place known.
 */
enum reader_live_what reader_live_take(struct reader_live *l, redisReply *reply,
    struct place last, struct place *horizon);

/* Is there a message that was not read to its end? */
bool reader_live_has(const struct reader_live *l);

/*
 * The next entry of the message, good until that is forgotten: 1; 0 when there
 * is none; -1 with ENOMEM.
 */
int reader_live_next(struct reader_live *l, struct bus_entry *e);

/* Was any of it, so far, not ours, or doubtful? */
bool reader_live_broken(const struct reader_live *l);

void reader_live_forget(struct reader_live *l);

#endif
