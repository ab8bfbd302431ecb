/*
 * Where events go, in batches: while some are on their way the next one is
 * gathered.  A batch is published whole or not at all, and in order.  There are
 * several sinks; who feeds them need not know which.
 */
#ifndef SINK_H
#define SINK_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

#define SINK_BATCH_EVENTS 512
#define SINK_BATCH_BYTES ((size_t)256 << 10)
#define SINK_WINDOW_MAX 16

enum sink_state {
	SINK_READY, /* nothing is on its way */
	SINK_SENT,  /* something is: when fd can be read, or at the deadline,
		       sink_receive() */
	SINK_FAILED /* for good: status and fault say why */
};

struct sink;

struct sink_ops {
	bool (*fits)(const struct sink *, const struct event *);
	int (*add)(struct sink *, const struct event *, struct sse_text once);
	enum sink_state (*send)(struct sink *);
	enum sink_state (*receive)(struct sink *);
	void (*free)(struct sink *);
};

struct sink {
	const struct sink_ops *ops;
	bool tell;          /* to be set: IDs are asked for */
	struct sse_buf ids; /* those of the events published, LF after each */
	int64_t timeout_ms;
	size_t batch_max;    /* events a batch */
	size_t gathered;     /* events that wait for sink_send() */
	size_t window;       /* batches that may be on their way at once */
	size_t on_way;       /* batches that are */
	int fd;              /* SINK_SENT: to poll for reading */
	int64_t deadline_ms; /* SINK_SENT: of clock_mono_ms() */
	size_t refused;      /* events that were not published, as was said */
	size_t known;        /* events not published, for their key had been */
	bool known_by_us;    /* perhaps since the answer to a try went lost */
	uint64_t reached;    /* by each batch at least; UINT64_MAX: not told */
	const volatile sig_atomic_t *stop; /* once set, waits end; or NULL */
	int status;                        /* SINK_FAILED: of sysexits.h */
	bool
	    unsure; /* SINK_FAILED: the batches on their way may be published */
	char fault[512];
};

/*
 * May ev, whose channel is set, be added to the batch that is gathered?  To an
 * empty one it always may, so the bounds are passed by one event at most.
 */
bool sink_fits(const struct sink *s, const struct event *ev);

/*
 * Append a copy of ev.  With once, which is not empty, it is published unless
 * one of that key has been in its channel.  -1 with ENOMEM.
 */
int sink_add(struct sink *s, const struct event *ev, struct sse_text once);

/* May another batch be sent before the answers to those on their way? */
bool sink_open(const struct sink *s);

/*
 * Send what was gathered, when sink_open().  It may wait, and then be
 * SINK_READY at once.
 */
enum sink_state sink_send(struct sink *s);

/*
 * Take the answer to the oldest batch, waiting for it until the deadline; there
 * may come more at once.  on_way tells how many are left.
 */
enum sink_state sink_receive(struct sink *s);

/* Send what was gathered, and take all answers. */
enum sink_state sink_finish(struct sink *s);

/*
 * Write the IDs that have gathered, if they were asked for, to standard
 * output.  They are told, no more: when their reader has gone they are not
 * asked for any longer, and nothing else changes.  -1 with errno of write(2).
 */
int sink_tell_ids(struct sink *s);

/* NULL is let pass. */
void sink_free(struct sink *s);

/* For the sinks: */

/* All that is not the sink's own. */
void sink_init(struct sink *s, const struct sink_ops *ops, int64_t timeout_ms);

/* An event was published with this ID.  -1 with ENOMEM. */
int sink_minted(struct sink *s, struct sse_text id);

/* Events are not published, those around them are: say why. */
void sink_refused(struct sink *s, size_t n, struct sse_text why);

/* A batch has reached so many; below zero: nobody knows. */
void sink_reached(struct sink *s, long long n);

/* What the state is, by what is on its way. */
enum sink_state sink_state(const struct sink *s);

/* Note why, and return SINK_FAILED. */
enum sink_state sink_fail(struct sink *s, int status, bool unsure,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
