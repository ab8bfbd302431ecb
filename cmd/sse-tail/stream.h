/*
 * One source of events, a URL that is followed or standard input, and what is
 * said of it.
 */
#ifndef STREAM_H
#define STREAM_H

#include "follow.h"
#include "options.h"
#include "trace.h"

struct stream {
	const struct options *o;
	struct follow_conf conf;
	struct trace trace;
	struct follow *follow; /* owned; NULL: standard input */
	struct piped *piped;   /* owned; else NULL */
	char *shown;           /* owned: what messages call it */
	bool open;             /* there is a connection */
	bool over;             /* for good */
	bool ended;            /* as it should */
	bool held;             /* its cursor must not move any more */
	bool queued;           /* queue.c's, as is next */
	struct stream *next;
	int losses; /* since the last event */
	int status; /* once it is over */
	int fault;  /* errno of standard input's */
	unsigned long long opened;
	/* As follow_conf has them; set before stream_follow(), arrived or NULL. */
	void (*stirred)(void *arg, struct stream *s);
	void (*arrived)(void *arg, struct stream *s, bool more);
	void *arg;
};

/* Of the URL i, to be followed from last_id on (NULL: from now). */
int stream_begin(struct stream *s, const struct options *o, size_t i);
int stream_follow(struct stream *s, const char *last_id, struct multi *m);
int stream_pipe(struct stream *s, const struct options *o);
void stream_free(struct stream *s);

/*
 * The next event or block, or FOLLOW_WAIT; OPEN and LOST have been said; END
 * when it is over, for whatever reason, which stream_say_end() then says.
 */
enum follow_what stream_next(struct stream *s, struct event *ev);

/* Events of which only data and ID matter, as follow_many(). */
size_t stream_many(struct stream *s, struct sse_event *ev, size_t max);

/* When there may be something to pull though nothing stirs (clock_mono_ms()). */
int64_t stream_due_ms(const struct stream *s);

/* Has all been pulled that has come?  Not that there is nothing to be said. */
bool stream_drained(const struct stream *s);

/* What was pulled is done with. */
void stream_release(struct stream *s);

void stream_say_end(const struct stream *s);

/* The decoder, which has further fields of the event or block. */
const struct sse_decoder *stream_decoder(const struct stream *s);

unsigned long long stream_bytes(const struct stream *s);

#endif
