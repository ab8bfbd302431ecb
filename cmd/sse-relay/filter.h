/*
 * A filter: another program that each event passes as one JSON line (json.h)
 * and that answers each with one line: an event; several, in an array; or an
 * empty line (or [] or null) for none.  It runs as long as the relay does, its
 * pipes are never waited for, and what it holds is bounded, so that neither can
 * make the other wait without end.
 */
#ifndef FILTER_H
#define FILTER_H

#include <poll.h>
#include <stdbool.h>

#include "child.h"
#include "event.h"

#define FILTER_AHEAD 1024              /* lines that it may owe an answer */
#define FILTER_BYTES ((size_t)1 << 20) /* of lines it has not taken yet */
#define FILTER_QUIET_MS 5000 /* without an answer, which is then said */
#define FILTER_FDS CHILD_FDS

struct filter;

enum filter_what {
	FILTER_WAIT,  /* nothing now */
	FILTER_EVENT, /* *ev is an event of an answer */
	FILTER_DONE,  /* an answer is complete: filter_mark() is done */
	FILTER_QUIET, /* it owes an answer for long; told once */
	FILTER_END,   /* it has ended after filter_close(), all answered */
	FILTER_FAULT, /* for good: filter_status(), filter_fault() */
};

/*
 * Start command by sh(1), in a process group of its own.  Answers of more than
 * max_bytes are a fault.  NULL with errno set.
 */
struct filter *filter_new(const char *command, size_t max_bytes);
void filter_free(struct filter *f);

bool filter_room(const struct filter *f);

/*
 * Send a copy of ev; or, aside, keep it to be handed out in its turn as it is.
 * mark is where the source stands behind it, once its key.  -1 with ENOMEM.
 */
int filter_put(struct filter *f, const struct event *ev, struct sse_text mark,
    struct sse_text once, bool aside);

/*
 * The source stands at mark, without an event.  Returns 1 when nothing is owed,
 * so that this is the caller's to note; else 0, or -1 with ENOMEM.
 */
int filter_advance(struct filter *f, struct sse_text mark);

enum filter_what filter_next(struct filter *f, struct event *ev);

/* Of the answer at hand; good until the next filter_next(). */
struct sse_text filter_mark(const struct filter *f);
struct sse_text filter_once(const struct filter *f);
bool filter_first(const struct filter *f); /* is it its first event? */
bool filter_none(const struct filter *f);  /* after DONE: it had no event */

/* Answers that are owed will not be handed out: the source has gone back. */
void filter_forget(struct filter *f);

/* No more is sent. */
void filter_close(struct filter *f);

/*
 * What to poll, FILTER_FDS of them; reading only if the caller can take an
 * answer now.  At most how long to wait, or -1.
 */
int filter_wants(const struct filter *f, struct pollfd *p, bool reading);

int filter_status(const struct filter *f);
const char *filter_fault(const struct filter *f);

#endif
