/*
 * A publication by POST on its way through the hub: the events of one body,
 * and in the end the answer.  It changes hands whole.
 */
#ifndef POST_H
#define POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "route.h"

struct conn;

/* A numbered batch is one batch in Redis too, and there nothing else runs. */
#define POST_NUMBERED_MAX 1000 /* events */
#define POST_OUT_OF_ORDER                                                      \
	"this batch does not follow the producer's last one, whose number is " \
	"one less, nor is it that one"

#define POST_LEFT_MAX 16 /* channels that are named; more are "others" */

/* Events of a channel that are not published, though those of others are. */
struct post_left {
	struct sse_text channel; /* of one of the events; len 0: others */
	char *why;               /* owned: one line */
	size_t n;
};

struct post {
	struct conn *conn; /* whose it is; it outlives its post */
	unsigned int worker;
	struct event **events; /* owned, each by one allocation */
	size_t n, cap;
	size_t done;       /* published so far */
	char *once;        /* owned: the key of its only event; or NULL */
	char *producer;    /* owned: whose batch it is; or NULL */
	uint64_t number;   /* the batch's */
	bool known;        /* its key had been: nothing is published now */
	uint64_t *reached; /* owned: subscribers an event; NULL: not asked */
	struct post_left *left; /* owned */
	size_t nleft;
	unsigned int asked;    /* workers that have counted theirs */
	int status;            /* of the answer: 200, 400, 409, 413, 422, 503 */
	struct sse_buf answer; /* the IDs, one a line; or what is wrong */
};

struct post *post_new(void);
void post_free(struct post *p);

/*
 * Read a whole body as r says into events, each checked and with its channel
 * set.  A fault leaves status and answer set and publishes nothing: either the
 * whole body is taken or none of it.  -1 with ENOMEM.
 */
int post_read(struct post *p, const struct route *r, const struct identity *who,
    bool open, struct sse_text body, size_t max_event);

/*
 * The next event was given this ID.  Once the post is refused, or there is no
 * memory, events are only counted.
 */
void post_published(struct post *p, struct sse_text id);

/* The next event is left out, and why.  It is counted, too. */
void post_left_out(struct post *p, struct sse_text why);

/*
 * All of its events are counted.  Were any left out, the answer is 422: in front
 * of the IDs, where theirs are empty, a line for each channel says how many.
 */
void post_conclude(struct post *p);

/* How many subscribers each of its events has reached at least; -1: unknown. */
int64_t post_reached(const struct post *p);

/* It reaches nobody now, or nobody knows. */
void post_forget_reached(struct post *p);

/* It was published before, with these IDs: lines, as the answer has them. */
void post_repeated(struct post *p, struct sse_text ids);

/* The events from the nth on are cut off. */
void post_cut(struct post *p, size_t n);

/* It is refused: status, and one line that says why. */
void post_refuse(struct post *p, int status, const char *why);

#endif
