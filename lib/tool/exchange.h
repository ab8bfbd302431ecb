/*
 * One request for an event stream and the response to it: the bytes that come,
 * and what it meant that it ended.  The same object serves for one request
 * after another; curl keeps the connection where it can.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "follow.h"
#include "verdict.h"

struct exchange;

/* conf, m and shown (the URL for messages) are borrowed.  NULL with ENOMEM. */
struct exchange *exchange_new(
    const struct follow_conf *conf, struct multi *m, const char *shown);
void exchange_free(struct exchange *x);

/* Ask, with a last event ID unless it is empty.  -1: it cannot be. */
int exchange_begin(struct exchange *x, struct sse_text last_id);

/* Break it off; what it has brought is gone.  Nothing if none is under way. */
void exchange_end(struct exchange *x);

/* Has it ended?  What it brought may not be taken yet. */
bool exchange_over(const struct exchange *x);

/* Has an event stream begun: 200 and the right type? */
bool exchange_good(const struct exchange *x);

/*
 * What has come of the stream and is not taken; while more than FOLLOW_BUFFER
 * is here the server waits.  exchange_take() takes len bytes of it, which may
 * bring more, and says what there is now.
 */
struct sse_text exchange_body(const struct exchange *x);
struct sse_text exchange_take(struct exchange *x, size_t len);

/* When the peer was last heard, and when its stream began (clock_mono_ms()). */
int64_t exchange_heard_ms(const struct exchange *x);
int64_t exchange_opened_ms(const struct exchange *x);

/* The HTTP status of the last response; 0: there was none. */
long exchange_response(const struct exchange *x);

/* Has this request's connection been made? */
bool exchange_connected(const struct exchange *x);

/* What Retry-After said, in milliseconds, an hour at most; 0: nothing. */
int64_t exchange_retry_after_ms(struct exchange *x);

/* "127.0.0.1 port 80, HTTP/1.1", good until the next call. */
const char *exchange_peer(struct exchange *x);

/* Bytes of body, decompressed, of all requests. */
unsigned long long exchange_bytes(const struct exchange *x);

/*
 * What follows from how it ended, and say() why; reason, when not empty, is
 * what the server said before it ended the stream.
 */
struct verdict exchange_judge(struct exchange *x, const char *reason);

/*
 * One printable line that names the URL and this cause, and the exit status
 * that goes with it.
 */
void exchange_say(struct exchange *x, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
const char *exchange_said(const struct exchange *x);
int exchange_status(const struct exchange *x);

#endif
