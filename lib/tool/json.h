/*
 * An event as one JSON line (sse-redis(7)).
 */
#ifndef JSON_H
#define JSON_H

#include "event.h"

/*
 * Append ev as one JSON object and LF, members in the order channel, id, event,
 * data, retry, match, priority, expires, origin, via; what is unset is absent.
 * Text is expected to be UTF-8.  -1 with ENOMEM.
 */
int json_encode_event(struct sse_buf *b, const struct event *ev);

/* Append text as a JSON string.  -1 with ENOMEM. */
int json_encode_text(struct sse_buf *b, struct sse_text t);

/* What a reader may want besides; { 0 }: nothing. */
struct json_more {
	struct sse_text url; /* a last member "url"; empty: none */
	bool data;           /* data that is JSON stands there as such */
};

int json_encode_more(
    struct sse_buf *b, const struct event *ev, const struct json_more *more);

/*
 * An event read from JSON, and what its texts lie in.  { 0 } is a new one; it
 * serves for any number of lines, one after the other.
 */
struct json_event {
	struct event ev;
	void *root;          /* owned */
	struct sse_buf text; /* owned: labels and names joined */
	char fault[96];
};

/*
 * Read one line of UTF-8.  Members that are null count as absent, and so does
 * url; data must be there.  Returns 0 with je->ev set, good until the next call on the same je;
 * -1 with *fault a short text of printable ASCII ("not a JSON object", "data is
 * not a string", "unknown member \"dta\""), good as long; -2 with errno ENOMEM.
 */
int json_decode_event(
    struct json_event *je, const char *line, size_t len, const char **fault);
void json_event_clear(struct json_event *je); /* keeps memory for the next */
void json_event_free(struct json_event *je);

#endif
