/*
 * One event stream as a response: what its subscriber is due, turned into
 * bytes and written as far as the connection takes them.  There is no queue: a
 * stream that is not read from is a cursor that stays behind, and holds no
 * more than the rest of the event that was cut off in the middle.
 */
#ifndef STREAM_H
#define STREAM_H

#include "subscriber.h"
#include "transport.h"

struct behind;

struct stream {
	struct subscriber sub; /* first, so that waking finds the stream */
	struct behind *behind; /* bytes begun but not taken; NULL: none */
	bool ended;            /* the farewell is written or on its way */
	bool no_gaps;          /* it ends where one would be told */
	bool live;             /* it has dealt with all that was due once */
};

enum stream_state {
	STREAM_IDLE,    /* all that was due is written */
	STREAM_BLOCKED, /* go on when the connection takes more */
	STREAM_DONE,    /* the end is written: close */
	STREAM_GONE,    /* the peer has gone */
	STREAM_LAGGED,  /* a gap is due, and no_gaps is set: close */
	STREAM_NOMEM,
};

/* What a pump handed to the connection, added to what is there. */
struct delivery {
	uint64_t events;
	uint64_t bytes;
	uint64_t gaps;
	struct place oldest; /* of its events; zero: none */
	bool late;           /* the stream had been kept up until then */
};

/* Of no channel yet; show: SHOW_*. */
void stream_init(struct stream *s, unsigned int show);

/* Leaves its channels and releases what it owns.  One of zeros has nothing. */
void stream_clear(struct stream *s);

/*
 * Begin: the response head, retry, sse:hello and the place where asked for,
 * and a gap that start brought.  id is the connection's, for sse:hello.
 * Nothing is written before the first pump.  -1 with ENOMEM.
 */
int stream_open(struct stream *s, struct sse_text head, int64_t retry_ms,
    const char *id, const struct gap *gap, struct sse_text after,
    const struct era *era);

/* The names of its channels, as a JSON array.  NULL with ENOMEM. */
struct json_t;
struct json_t *stream_channels(const struct stream *s);

/*
 * Write all that is due, up to the horizon, in as few writes as can be.  live:
 * the channel whose live-only messages of this turn go out as well, or NULL.
 * farewell follows when nothing is due any more, and then STREAM_DONE; NULL:
 * the stream goes on.
 */
enum stream_state stream_pump(struct stream *s, struct transport *t,
    const struct era *era, const struct channel *live,
    const struct sse_event *farewell, struct delivery *d);

/*
 * It has been idle: a keep-alive comment, or the place when that was asked for
 * and has moved.
 */
enum stream_state stream_keepalive(struct stream *s, struct transport *t,
    const struct era *era, struct delivery *d);

bool stream_blocked(const struct stream *s);

/* How old the oldest event is that it does not take; 0: it takes all. */
int64_t stream_lag_ms(const struct stream *s, const struct era *era);

#endif
