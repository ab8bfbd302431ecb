/*
 * A publication by POST on its way through the hub: the events of one body,
 * and in the end the answer.  It changes hands whole.
 */
#ifndef POST_H
#define POST_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "route.h"

struct conn;

struct post {
	struct conn *conn; /* whose it is; it outlives its post */
	unsigned int worker;
	struct event **events; /* owned, each by one allocation */
	size_t n, cap;
	size_t done;           /* published so far */
	int status;            /* of the answer: 200, 400, 413, 503 */
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

/* It is refused: status, and one line that says why. */
void post_refuse(struct post *p, int status, const char *why);

#endif
