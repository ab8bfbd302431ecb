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
	void *owner;           /* the connection's; not looked at here */
	struct place shown;    /* the last place told by show=place */
	bool ended;            /* sse:end is written or on its way */
};

enum stream_state {
	STREAM_IDLE,    /* all that was due is written */
	STREAM_BLOCKED, /* go on when the connection takes more */
	STREAM_DONE,    /* the end is written: close */
	STREAM_GONE,    /* the peer has gone, or there is no memory */
};

struct stream *stream_new(
    struct predicate *predicate, unsigned int show, void *owner);
void stream_free(struct stream *s);

/*
 * Begin: the response head, retry, sse:hello and the place where asked for,
 * and a gap that start brought.  Nothing is written before the first pump.
 * -1 with ENOMEM.
 */
int stream_open(struct stream *s, struct sse_text head, int64_t retry_ms,
    const struct gap *gap, struct sse_text after, const struct era *era);

/*
 * Write all that is due, up to the horizon, in as few writes as can be.  live:
 * the channel whose live-only messages of this turn go out as well, or NULL.
 * With ended, sse:end follows when nothing is due any more.
 */
enum stream_state stream_pump(struct stream *s, struct transport *t,
    const struct era *era, const struct channel *live, bool ended);

/*
 * It has been idle: a keep-alive comment, or the place when that was asked for
 * and has moved.
 */
enum stream_state stream_keepalive(
    struct stream *s, struct transport *t, const struct era *era);

bool stream_blocked(const struct stream *s);

#endif
