/*
 * A subscriber: a set of channels, a cursor and a predicate.  What it is sent
 * is whatever stands behind the cursor in its channels, merged in the order of
 * places, up to the horizon; live events, a replay and catching up after a
 * stall are the same walk.  It does not know where the bytes go.
 */
#ifndef SUBSCRIBER_H
#define SUBSCRIBER_H

#include "bus.h"
#include "channel.h"
#include "predicate.h"

#define SUBSCRIBER_CHANNELS_MAX 136 /* what a route may name, and one's own */

struct subscriber {
	struct place cursor;       /* everything up to here is dealt with */
	struct audience *audience; /* its channels; NULL: it reads none */
	struct aside *aside;       /* owned: what only few need, or NULL */
	uint32_t seat;             /* in the audience */
	uint8_t show;              /* SHOW_* */
	uint8_t forks;             /* of the era, up to which a gap was told */
	bool strict : 1;           /* nothing is sent out of turn */
	bool moved : 1; /* the cursor has, since this was set to false */
};

/* Where a subscriber begins. */
enum start_kind {
	START_NOW,
	START_ID,      /* behind the event of this ID */
	START_LAST,    /* with the newest n after filtering */
	START_PENDING, /* behind mark in some channels, now in all others */
};

struct start {
	enum start_kind kind;
	struct sse_text id;
	size_t n;
	struct place mark; /* zero: with the oldest that is kept */
	size_t from, to;   /* those are the channels from from to before to */
	bool sought; /* where START_ID and START_LAST begin: seek_found() */
	struct place found;
};

/* What holds for the namespace at this moment. */
struct era {
	struct place horizon; /* no one is served beyond it */
	struct place birth;   /* what is older is unknown; zero: nothing is */
	int64_t now_ms;       /* Unix time */
	struct bus_fork fork; /* where events may be lost, see bus.h */
	uint8_t forks;        /* how often the logs have come anew */
	struct place fresh;   /* the last time: nobody has read behind it */
};

/* A gap to be told. */
struct gap {
	bool is;
	const struct message *oldest; /* the first still kept; NULL: none */
};

/* Of no channel yet, and all is wanted; show: SHOW_*. */
void subscriber_init(struct subscriber *s, unsigned int show);
/* Leaves its channels and releases what it owns. */
void subscriber_clear(struct subscriber *s);

/* Takes p, which NULL may be: nothing else is wanted.  -1 with ENOMEM. */
int subscriber_restrict(struct subscriber *s, struct predicate *p);

/*
 * Read the n channels, which differ; it has none so far.  -1 with ENOMEM, or
 * ENOSPC where n is above SUBSCRIBER_CHANNELS_MAX.
 */
int subscriber_join(
    struct subscriber *s, struct channel *const *channels, size_t n);

static inline size_t
subscriber_nchannels(const struct subscriber *s)
{
	return s->audience == NULL ? 0 : s->audience->nchannels;
}

/* The channel i of those, in the order in which they were given. */
static inline struct channel *
subscriber_channel(const struct subscriber *s, size_t i)
{
	return s->audience->channels[i];
}

bool subscriber_attached(const struct subscriber *s);

/*
 * Is start's ID ahead of all that is known here?  Then the hub is to be asked
 * for the horizon before subscriber_start().
 */
bool subscriber_ahead(const struct start *start, const struct era *era);

/*
 * Set the cursor; every channel is attached.  Tells whether events between
 * there and what is kept may be lost, and sees to it that this walk does not
 * tell the same again.  While a gap has to wait for a page, so that it can name
 * the first that is kept, this is to be called again when one has come.
 */
struct gap subscriber_start(
    struct subscriber *s, const struct start *start, const struct era *era);

/* A walk over what is due; it lives no longer than the turn of the loop. */
struct walk {
	struct place horizon;
	struct place ahead; /* of priority high, given out up to here */
	int64_t now_ms;
	bool hole;   /* it broke off where events are missing: walk again */
	bool parked; /* a page is to be read first: nothing is due until then */
	const struct replay *logs[SUBSCRIBER_CHANNELS_MAX];
	size_t next[SUBSCRIBER_CHANNELS_MAX];
};

/* Would a walk tell a gap or give a message, now or once a page has come? */
bool subscriber_due(const struct subscriber *s, const struct era *era);

/* The first message that a walk would give; NULL: none.  Changes nothing. */
const struct message *subscriber_first_due(
    const struct subscriber *s, const struct era *era);

/* Does it wait for a page of a log?  Then that is wished for. */
bool subscriber_parked(struct subscriber *s);

/*
 * Begin behind the cursor.  Where the log does not reach back so far the walk is
 * parked and the channel's page wished for.  Tells a gap that has come
 * since the last walk, once it is not parked; until then it gives nothing.
 */
struct gap subscriber_walk(
    struct subscriber *s, struct walk *w, const struct era *era);

/*
 * The next message that is due and passes the predicate; NULL: no more, or, with
 * hole set, no more before a gap, which the next walk tells.
 */
struct message *subscriber_next(const struct subscriber *s, struct walk *w);

/*
 * For one who is behind: the next message of priority high that waits, before
 * all others; NULL: there is none, or it is strict.  *in_turn: it stands first
 * in any case.  What it gives subscriber_next() will not give again.
 */
struct message *subscriber_next_high(
    const struct subscriber *s, struct walk *w, bool *in_turn);

/* m has been handed to the connection out of turn.  -1 with ENOMEM. */
int subscriber_passed_ahead(struct subscriber *s, const struct message *m);

/* Nothing is due: all up to the horizon is dealt with. */
void subscriber_settle(struct subscriber *s, const struct era *era);

/* m has been handed to the connection, or with NULL all that the walk gave. */
void subscriber_passed(
    struct subscriber *s, const struct walk *w, const struct message *m);

/* Does m pass the predicate, and is it not expired? */
bool subscriber_wants(
    const struct subscriber *s, const struct message *m, int64_t now_ms);

#endif
