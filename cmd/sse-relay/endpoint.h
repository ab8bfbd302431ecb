/*
 * An endpoint: what the operands source and sink name.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <stdbool.h>

#include "map.h"
#include "redis_url.h"

enum endpoint_kind {
	ENDPOINT_STANDARD, /* "-": standard input or output */
	ENDPOINT_HTTP,
	ENDPOINT_REDIS,  /* channels */
	ENDPOINT_STREAM, /* a plain Redis stream */
};

struct endpoint {
	enum endpoint_kind kind;
	const char *text;       /* as typed; borrowed */
	char *shown;            /* for messages; no password */
	char *identity;         /* what tells it from others; no password */
	bool local;             /* another machine calls another thing so */
	struct redis_url redis; /* of ENDPOINT_REDIS and ENDPOINT_STREAM */
	/* Of ENDPOINT_HTTP, owned: where to ask or POST; with serve, a sink's
	   is but what stands before /events/CHANNEL. */
	char *url;
	bool bare;       /* it has no path, so it is an sse-serve */
	bool serve;      /* its path says that it may be one */
	char **channels; /* owned: that its path and query name; may be none */
	size_t nchannels;
};

/* { 0 } is an empty one. */
void endpoint_free(struct endpoint *e);

/*
 * Read s.  base and password as in redis_url_parse().  -1 with *fault a
 * constant text that fits behind s; it is NULL when memory ran out.
 */
int endpoint_parse(struct endpoint *e, const char *s, const char *base,
    const char *password, const char **fault);

/* How a relay runs from one to the other. */
struct endpoint_pair {
	char **channels; /* what the source reads, if it says; borrowed */
	size_t nchannels;
	const char *channel; /* where all events go; NULL: where they are */
};

/*
 * May events go from source to sink, by way of n maps?  A source that names no
 * channel is made to read those of the sink.  -1 with *fault a constant text
 * that says why not, or NULL when memory ran out.
 */
int endpoint_join(struct endpoint_pair *p, struct endpoint *source,
    struct endpoint *sink, const struct map *maps, size_t n,
    const char **fault);

#endif
