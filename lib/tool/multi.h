/*
 * Transfers of libcurl that are waited for together, in one poll(2) with what
 * else a program waits for.  What curl is asked to do grows with the sockets
 * that are ready, not with those that are open.
 */
#ifndef MULTI_H
#define MULTI_H

#include <poll.h>
#include <stdbool.h>

#include <curl/curl.h>

struct multi;

/* How a transfer ended; the caller's, and in place while it runs. */
struct multi_end {
	bool over;
	CURLcode code; /* once it is over */
};

/* NULL with ENOMEM. */
struct multi *multi_new(void);
void multi_free(struct multi *m); /* every transfer has been ended */

/*
 * Begin the transfer of easy, whose CURLOPT_PRIVATE is taken.  Its callbacks
 * are called from multi_wait() and curl_easy_pause() alone.  -1: it cannot be.
 */
int multi_begin(struct multi *m, CURL *easy, struct multi_end *end);

/* Break it off, or, when it is over, give easy back. */
void multi_break(struct multi *m, CURL *easy);

/*
 * Wait until curl has something to do and let it, at most timeout_ms (-1: as
 * long as it takes), or until one of the n extra descriptors is ready, whose
 * revents are then set; a signal ends it, too.  One that is polled for nothing
 * has POLLERR or POLLHUP when its reader has gone.
 * Returns how many of the extra ones are ready.
 */
int multi_wait(
    struct multi *m, struct pollfd *extra, unsigned int n, int timeout_ms);

#endif
