/*
 * A subscriber: a set of channels, a cursor and a predicate.  What it is sent
 * is whatever stands behind the cursor in its channels, merged in the order of
 * places, up to the horizon; live events, a replay and catching up after a
 * stall are the same walk.  It does not know where the bytes go.
 */
#ifndef SUBSCRIBER_H
#define SUBSCRIBER_H

#include "channel.h"

#define SUBSCRIBER_CHANNELS_MAX 72 /* what a route may name, and one's own */

/* What it wants of its channels; owned, and NULL for nearly everyone. */
struct predicate {
	size_t ntypes;
	struct sse_text *types; /* owned with their texts */
};

struct subscription {
	struct channel *channel;
	uint32_t seat;
};

struct subscriber {
	struct place cursor; /* everything up to here is dealt with */
	struct predicate *predicate;
	struct place *said; /* a gap told up to here, a channel; or NULL */
	struct subscription *channels;
	struct subscription own[2]; /* where channels lies when few */
	uint8_t nchannels;
	uint8_t show; /* SHOW_* */
};

/* Where a subscriber begins. */
enum start_kind {
	START_NOW,
	START_ID,   /* behind the event of this ID */
	START_LAST, /* with the newest n after filtering */
};

struct start {
	enum start_kind kind;
	struct sse_text id;
	size_t n;
};

/* What holds for the namespace at this moment. */
struct era {
	struct place horizon; /* no one is served beyond it */
	struct place birth;   /* what is older is unknown; zero: nothing is */
	int64_t age_ms;       /* how long events are kept; 0: for ever */
	int64_t now_ms;       /* Unix time */
};

/* A gap to be told. */
struct gap {
	bool is;
	const struct message *oldest; /* the first still kept; NULL: none */
};

/* Read of no channel; takes predicate. */
void subscriber_init(
    struct subscriber *s, struct predicate *predicate, unsigned int show);
/* Leaves its channels and releases what it owns. */
void subscriber_clear(struct subscriber *s);
void predicate_free(struct predicate *p);

/*
 * Join ch; joining twice is joining once.  At most SUBSCRIBER_CHANNELS_MAX.
 * -1 with ENOMEM or ENOSPC.
 */
int subscriber_join(struct subscriber *s, struct channel *ch);

/* channel.c moved it to another seat. */
void subscriber_reseat(
    struct subscriber *s, const struct channel *ch, uint32_t seat);

bool subscriber_attached(const struct subscriber *s);

/*
 * Is start's ID ahead of all that is known here?  Then the hub is to be asked
 * for the horizon before subscriber_start().
 */
bool subscriber_ahead(const struct start *start, const struct era *era);

/*
 * Set the cursor; every channel is attached.  Tells whether events between
 * there and what is kept may be lost, and sees to it that this walk does not
 * tell the same again.
 */
struct gap subscriber_start(
    struct subscriber *s, const struct start *start, const struct era *era);

/* A walk over what is due; it lives no longer than the turn of the loop. */
struct walk {
	struct place horizon;
	int64_t now_ms;
	bool hole; /* it broke off where events are missing: walk again */
	size_t next[SUBSCRIBER_CHANNELS_MAX];
};

/* Would a walk tell a gap or give a message?  Changes nothing. */
bool subscriber_due(const struct subscriber *s, const struct era *era);

/* Begin behind the cursor.  Tells a gap that has come since the last walk. */
struct gap subscriber_walk(
    struct subscriber *s, struct walk *w, const struct era *era);

/*
 * The next message that is due and passes the predicate; NULL: no more, or, with
 * hole set, no more before a gap, which the next walk tells.
 */
struct message *subscriber_next(const struct subscriber *s, struct walk *w);

/* m has been handed to the connection, or with NULL all that the walk gave. */
void subscriber_passed(
    struct subscriber *s, const struct walk *w, const struct message *m);

/* Does m pass the predicate, and is it not expired? */
bool subscriber_wants(
    const struct subscriber *s, const struct message *m, int64_t now_ms);

#endif
