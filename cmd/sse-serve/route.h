/*
 * What a request head asks for.  Pure; one allocation holds all lists and texts.
 */
#ifndef ROUTE_H
#define ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth.h"
#include "http.h"
#include "input.h"
#include "inspect.h"
#include "show.h"
#include "sse.h"

#define ROUTE_CHANNELS_MAX 64 /* channels a request may name */
#define ROUTE_TYPES_MAX 64    /* event= a request may bear */
#define ROUTE_KEY_MAX 200     /* bytes of an Idempotency-Key */
#define ROUTE_PRODUCER_MAX 64 /* bytes of a producer's name */

enum route_what {
	ROUTE_EVENTS,  /* an event stream */
	ROUTE_PUBLISH, /* the body is events for a channel */
	ROUTE_ACK,     /* the client has read up to id */
	ROUTE_VIEWER,  /* the page */
	ROUTE_INSPECT, /* about the server itself: inspect */
	ROUTE_OPTIONS, /* a CORS preflight, or OPTIONS as such */
	ROUTE_BAD,     /* none of these: status and why */
};

/* Where a stream starts. */
enum route_start {
	ROUTE_NOW,
	ROUTE_AFTER_ID, /* behind last_id */
	ROUTE_LAST_N,   /* with the newest last_n */
};

struct route {
	enum route_what what;
	bool head_only; /* the request was HEAD: answer without a body */

	/* ROUTE_BAD */
	int status;        /* 400, 401, 403, 404, 405, 406, 415, 421 or 501 */
	const char *why;   /* a constant, one line, with the remedy */
	const char *allow; /* with 405: the methods; else NULL */

	/* ROUTE_EVENTS: what it asked for; what is its own comes on top */
	struct sse_text *channels; /* no name twice */
	size_t nchannels;
	enum route_start start;
	struct sse_text last_id; /* never empty with ROUTE_AFTER_ID */
	uint64_t last_n;
	bool strict;            /* order=strict: nothing is sent out of turn */
	struct sse_text *types; /* none: all types */
	size_t ntypes;
	unsigned int show; /* SHOW_* or-ed */

	/* ROUTE_PUBLISH */
	struct sse_text channel;  /* empty: each event names its own */
	enum input_format format; /* INPUT_WHOLE, INPUT_SSE or INPUT_JSON */
	struct sse_text type;     /* event=, with INPUT_WHOLE; may be empty */
	struct sse_text id;       /* id=, likewise; and of ROUTE_ACK */
	bool has_id;
	struct sse_text once;     /* Idempotency-Key; may be empty */
	struct sse_text producer; /* Sse-Producer: NAME/NUMBER; or empty */
	uint64_t number;
	bool ask_reached; /* Sse-Ask: reached */

	struct inspect inspect; /* ROUTE_INSPECT */

	void *mem; /* owned: where the lists and the texts lie */
};

/* What the answer depends on besides the request. */
struct route_conf {
	const struct identity *id;  /* the client */
	struct auth_refusal denied; /* it is not who it says it is */
	bool required;              /* and has to be someone to read */
	bool open_publish;          /* anyone may publish */
	bool loopback_host;         /* Host must name this machine: the
				       administration listener on TCP */
	const char *const *origins; /* allowed origins, "*": any may read */
	size_t norigins;
	size_t max_channels; /* 0: ROUTE_CHANNELS_MAX */
};

/*
 * Say what h asks for.  Returns 0 with *r set, to be freed; -1 with ENOMEM.
 * r's texts are its own, so the bytes of the head may go.
 *
 * What r asks for, conf->id may do; but the channels that events in a body name
 * themselves are yet to be held against identity_may_publish().
 */
int route_parse(
    struct route *r, const struct http_head *h, const struct route_conf *conf);
void route_free(struct route *r);

#endif
