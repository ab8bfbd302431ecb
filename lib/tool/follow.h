/*
 * Following one URL as EventSource does: request, decode, and reconnect with
 * the last event ID, after the reconnection time, with backoff and jitter.
 * On libcurl; one object is one stream.  The caller waits and pulls events, so
 * that nothing is called back into the program unless it asks for that; a caller
 * that does not pull makes the server wait, and no more than FOLLOW_BUFFER bytes
 * are held.
 *
 * Spec: HTML, "Processing model" of server-sent events.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "event.h"

#define FOLLOW_BUFFER ((size_t)256 << 10)
#define FOLLOW_RETRY_MS INT64_C(3000) /* where the server names no time */
#define FOLLOW_RETRY_MAX_MS INT64_C(60000)
#define FOLLOW_RETRY_ASKED_MAX_MS INT64_C(3600000) /* by the server */
#define FOLLOW_CONNECT_MS INT64_C(30000)

struct follow;
struct multi;

/* What to do; constant while the object lives, texts borrowed. */
struct follow_conf {
	struct multi *multi; /* multi.h; NULL: one of its own */
	const char *url;
	const char *last_id; /* of the first request; NULL: none */
	size_t max_bytes;    /* of an event; 0: libsse's default */
	int64_t connect_ms;  /* time to connect; 0: FOLLOW_CONNECT_MS */
	int64_t idle_ms; /* no byte for that long is a dead peer; 0: never */
	/* The longest wait.  0: backoff ends at FOLLOW_RETRY_MAX_MS, and the
	   server may ask for FOLLOW_RETRY_ASKED_MAX_MS. */
	int64_t retry_max_ms;
	bool reconnect;       /* after a first success */
	bool retry_first;     /* a first connection that fails is tried again */
	unsigned int retries; /* so many failures in a row; 0: any number */
	bool ask_place;       /* send Sse-Show: place */
	bool strict;          /* send Sse-Order: strict */
	bool blocks;          /* hand out FOLLOW_BLOCK */
	bool raw;             /* keep bytes for follow_raw() */
	const char *show; /* more for Sse-Show, as "channel,routing"; NULL */
	/* More headers, as curl's -H has them: they win over ours.  NULL. */
	const struct curl_slist *headers;
	/* Set further curl options on the handle; NULL: none.  -1: a fault. */
	int (*setup)(CURL *easy, const void *arg);
	const void *arg;
	/*
	 * Called within follow_wait() when follow_next() may have something new to
	 * say, or follow_due_ms() is earlier than it was, for whoever follows many
	 * and would not ask each of them.  NULL: none.
	 */
	void (*stirred)(void *caller);
	/*
	 * Called instead when some of a stream has come, for whoever cannot wait
	 * for curl to do what it does behind each read; more: more of the same read
	 * is likely to follow.  Pull then, until FOLLOW_WAIT or follow_release(),
	 * or else again after the wait; but neither wait nor free.  NULL: none.
	 */
	void (*arrived)(void *caller, bool more);
	void *caller;
};

enum follow_what {
	FOLLOW_WAIT,    /* nothing now: follow_wait(), then call again */
	FOLLOW_EVENT,   /* *ev is an event, good until the next call */
	FOLLOW_OPEN,    /* a response has begun: 200 and the right type */
	FOLLOW_LOST,    /* the connection is gone; it will be tried again */
	FOLLOW_END,     /* no more: 204, sse:end; or the stream ended as it
	                   should and conf->reconnect is false */
	FOLLOW_FAULT,   /* for good: follow_status(), follow_fault() say why */
	FOLLOW_DROPPED, /* an event outgrew max_bytes and was passed over */
	FOLLOW_BLOCK,   /* comments, or fields but no data: *ev has what it
	                   knows of them, follow_decoder() all */
};

/*
 * NULL with errno ENOMEM, or EINVAL when last_id has CR or LF.
 * curl_global_init() is the program's.
 */
struct follow *follow_new(const struct follow_conf *conf);
void follow_free(struct follow *f);

/*
 * Do what can be done without waiting and say what came of it; call until it
 * is FOLLOW_WAIT before each wait.  After END and FAULT it says the same again.
 * A routing field of the event that is malformed is left out: to the standard
 * it is a field like any other that it does not know.
 */
enum follow_what follow_next(struct follow *f, struct event *ev);

/*
 * Of what has come, the events up to the first that is more than data and an ID
 * (sse_decoder_feed_many()), and max at most: for whoever has no use for more.
 * Returns how many, good until the next call; 0: follow_next() says what is next.
 */
size_t follow_many(struct follow *f, struct sse_event *ev, size_t max);

/* Has all been read of what has come? */
bool follow_drained(const struct follow *f);

/* What was handed out is done with, as the next call would know. */
void follow_release(struct follow *f);

/*
 * Wait until there may be something to do: multi_wait(), whose descriptors and
 * answer are the same.
 */
int follow_wait(
    struct follow *f, struct pollfd *extra, unsigned int n, int timeout_ms);

/*
 * For those who follow many, in one conf.multi: when follow_next() has something
 * to do of itself (clock_mono_ms()), INT64_MAX: only a multi_wait() can tell.
 */
int64_t follow_due_ms(const struct follow *f);

/* The last event ID in force: where a later run continues. */
struct sse_text follow_last_id(const struct follow *f);

/*
 * Drop the connection and go back: the next request, made at once, bears id
 * as its last event ID.  -1 with ENOMEM, or EINVAL when id has CR, LF or NUL.
 */
int follow_rewind(struct follow *f, struct sse_text id);

/*
 * After FAULT: an exit status of sse-tools(7), and one printable line that names the
 * URL, without its password, and the cause.
 */
int follow_status(const struct follow *f);
const char *follow_fault(const struct follow *f);

/* The HTTP status of the last response; 0: there was none. */
long follow_response(const struct follow *f);

/* After LOST: the same line, and when the next attempt is made. */
int64_t follow_retry_in_ms(const struct follow *f);

/*
 * After EVENT and BLOCK, until the next call: the decoder, to be asked for
 * comments and further fields of the block; and the block's bytes as they came,
 * to its blank line, with conf.raw.
 */
const struct sse_decoder *follow_decoder(const struct follow *f);
struct sse_text follow_raw(const struct follow *f);

/* Of the connection that is open: "127.0.0.1 port 80, HTTP/1.1". */
const char *follow_peer(const struct follow *f);

/* Bytes of all streams so far, as they were decoded. */
unsigned long long follow_bytes(const struct follow *f);

#endif
