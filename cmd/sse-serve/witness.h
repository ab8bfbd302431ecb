/*
 * Who sees what becomes of requests and streams and writes it down: in the
 * access log, and with -v, on standard error, why a request was refused.
 */
#ifndef WITNESS_H
#define WITNESS_H

#include "access_log.h"
#include "hush.h"

struct conf;
struct conn_view;
struct request;

struct witness {
	const struct conf *conf;
	struct access_lines lines;
	struct hush hush;
};

/*
 * r is answered by status, and the answer is the last in its buffer.  addr:
 * whose it is.  why: it was refused; NULL: it was not, or there is no saying.
 */
void witness_answer(struct witness *w, const struct request *r,
    const struct addr *addr, int status, const char *why);

/* The stream begins; and ends, for the reason why. */
void witness_begin(struct witness *w, const struct conn_view *view);
void witness_end(
    struct witness *w, const struct conn_view *view, const char *why);

/* Once a turn, and now and then. */
void witness_flush(struct witness *w);

#endif
