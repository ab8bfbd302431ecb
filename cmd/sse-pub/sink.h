/*
 * Where events go, in batches: while one is on its way the next is gathered.
 * A batch is published whole or not at all.  There are two sinks, Redis and an
 * sse-serve; who feeds them need not know which.
 */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

#define SINK_BATCH_EVENTS 512
#define SINK_BATCH_BYTES ((size_t)256 << 10)

enum sink_state {
	SINK_READY, /* nothing is on its way */
	SINK_SENT,  /* a batch is: when fd can be read, or at the deadline,
		       sink_receive() */
	SINK_FAILED /* for good: status and fault say why */
};

struct sink;

struct sink_ops {
	bool (*fits)(const struct sink *, const struct event *);
	int (*add)(struct sink *, const struct event *);
	enum sink_state (*send)(struct sink *);
	enum sink_state (*receive)(struct sink *);
	void (*free)(struct sink *);
};

struct sink {
	const struct sink_ops *ops;
	bool tell;          /* to be set: IDs are asked for */
	struct sse_buf ids; /* those of the events published, LF after each */
	int64_t timeout_ms;
	size_t gathered;     /* events that wait for sink_send() */
	int fd;              /* SINK_SENT: to poll for reading */
	int64_t deadline_ms; /* SINK_SENT: of clock_mono_ms() */
	int status;          /* SINK_FAILED: of sysexits.h */
	bool unsure;         /* SINK_FAILED: the batch sent may be published */
	char fault[512];
};

/*
 * May ev, whose channel is set, be added to the batch that is gathered?  To an
 * empty one it always may, so the bounds are passed by one event at most.
 */
bool sink_fits(const struct sink *s, const struct event *ev);

/* Append a copy of ev.  -1 with ENOMEM. */
int sink_add(struct sink *s, const struct event *ev);

/*
 * Send what was gathered, when nothing is on its way.  It may wait, and then
 * be SINK_READY at once.
 */
enum sink_state sink_send(struct sink *s);

/* Take the answer, waiting for it until the deadline. */
enum sink_state sink_receive(struct sink *s);

/*
 * Write the IDs that have gathered, if they were asked for, to standard
 * output.  They are told, no more: when their reader has gone they are not
 * asked for any longer, and nothing else changes.  -1 with errno of write(2).
 */
int sink_tell_ids(struct sink *s);

/* NULL is let pass. */
void sink_free(struct sink *s);

/* For the sinks: an event was published with this ID.  -1 with ENOMEM. */
int sink_minted(struct sink *s, struct sse_text id);

/* For the sinks: note why, and return SINK_FAILED. */
enum sink_state sink_fail(struct sink *s, int status, bool unsure,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
