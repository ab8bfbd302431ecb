/*
 * What the answer to a request for an event stream means, and how long to wait
 * before the next: rules without sockets or clocks.
 *
 * Spec: HTML, "Processing model" of server-sent events.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

enum verdict_what {
	VERDICT_GOOD,  /* an event stream */
	VERDICT_END,   /* there is no more */
	VERDICT_LATER, /* may be better at another time */
	VERDICT_NEVER, /* asking again would be answered the same */
};

struct verdict {
	enum verdict_what what;
	int status; /* an exit status, for a program that ends by it */
};

/* Of a response by its status and Content-Type (NULL: it has none). */
struct verdict verdict_of_response(long status, const char *type);

/* Of an answer to a POST that is no success. */
struct verdict verdict_of_post(long status);

/* Of a transfer that failed before a response, or within one. */
struct verdict verdict_of_failure(CURLcode code);

/*
 * What the user may do about such a failure, to stand behind what libcurl says
 * of it, or "".  checked is its CURLINFO_SSL_VERIFYRESULT.
 */
const char *verdict_remedy(CURLcode code, long checked);

/* Is the value of a Content-Type text/event-stream, whatever its parameters? */
bool verdict_event_stream(const char *type);

/*
 * How long to wait after so many failures in a row (from 1): the reconnection
 * time, doubled for each further one up to max_ms, which never shortens it, and
 * up to a quarter more, as random says, lest all come back at once.
 */
int64_t verdict_wait_ms(int64_t reconnection_ms, unsigned int failures,
    int64_t max_ms, uint32_t random);

#endif
