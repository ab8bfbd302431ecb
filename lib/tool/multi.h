/*
 * Transfers of libcurl that are waited for together with what else a program
 * waits for.  What a wait costs grows with the sockets that are ready, not with
 * those that are open.
 */
#ifndef MULTI_H
#define MULTI_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

struct multi;

#define MULTI_EXTRA_MAX 15 /* descriptors that multi_wait() takes */

/* How a transfer ended; the caller's, and in place while it runs. */
struct multi_end {
	bool over;
	CURLcode code; /* once it is over */
	/* Called from multi_wait() then, with arg; NULL: nobody is. */
	void (*tell)(void *arg);
	void *arg;
};

/* NULL with ENOMEM, EMFILE or ENFILE. */
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
 * Have every wait end, too, when p->fd is ready, and say so in p->revents, which
 * each sets anew; p stays in place as long as m.  For two at most, which are in
 * use as long: what comes and goes is an extra one.
 * -1 with errno: EPERM when nobody needs to wait for it, as for a file.
 */
int multi_watch(struct multi *m, struct pollfd *p);

/*
 * Wait until curl has something to do and let it, at most timeout_ms (-1: as
 * long as it takes), or until one of the n extra descriptors is ready, whose
 * revents are then set; a signal ends it, too.  One that is waited for without
 * events has POLLERR or POLLHUP when its reader has gone.
 * Returns how many of the extra ones are ready.  -1 with errno: EINVAL when there
 * are too many; ENOMEM, ENOSPC when the system watches no more sockets, and then
 * nothing will come of any transfer.
 */
int multi_wait(
    struct multi *m, struct pollfd *extra, unsigned int n, int timeout_ms);

/*
 * All that had come until then has been taken, clock_mono_ms(): a program that
 * was held up has not heard what came since.  0: nothing yet.
 */
int64_t multi_looked_ms(const struct multi *m);

#endif
