/*
 * An inquiry about the whole server.  It goes round: the hub adds what it
 * knows, then each worker in turn, and comes back to the worker that asked.
 * It has one owner at a time, so that nothing in it needs a lock; and as it
 * passes every loop, its coming back says that all of them turn.
 */
#ifndef INQUIRY_H
#define INQUIRY_H

#include <jansson.h>

#include "conf.h"
#include "counters.h"
#include "inspect.h"

struct conn;
struct http_answer;
struct identity;

struct inquiry {
	struct inspect what;
	struct conn *conn;      /* who asks; it outlives this; NULL: the hub */
	unsigned int worker;    /* of conn */
	bool admin;             /* it may end any connection */
	struct sse_text client; /* else its own: owned; empty: nobody */
	unsigned int next;      /* worker that is asked next */

	/* What has been found so far. */
	struct counters sum;
	int64_t lag_max_ms;
	const char *unready; /* why it cannot serve, a constant; NULL: it can */
	json_t *list;        /* owned: connections, in order */
	bool more;           /* there are some behind them */
	char go_on[CONN_ID_LEN]; /* behind this; empty: behind the last one */
	const char *fault; /* why there is no list, a constant; NULL: it is */
	bool found;        /* the connection to be ended */
};

/* who, NULL for the hub, asks by c of that worker.  NULL with ENOMEM. */
struct inquiry *inquiry_new(const struct inspect *what,
    const struct identity *who, struct conn *c, unsigned int worker);
void inquiry_free(struct inquiry *q);

/*
 * The next page of the fleet begins in that instance's set, at that cursor; an
 * empty instance: there is none.
 */
void inquiry_go_on(
    struct inquiry *q, struct sse_text instance, uint64_t cursor);

/* Unix time as RFC 3339, UTC.  NULL with ENOMEM. */
json_t *inquiry_time(int64_t ms);

/*
 * It is back: its answer.  Sets a's status, type, fields and body, which lies
 * in b.  -1 with ENOMEM.
 */
int inquiry_answer(struct inquiry *q, const struct conf *conf,
    struct http_answer *a, struct sse_buf *b);

#endif
