/*
 * The options that make a request, under curl's names, for a source and a sink
 * that are URLs.
 */
#ifndef OPTIONS_HTTP_H
#define OPTIONS_HTTP_H

#include <stdbool.h>

#include "transfer.h"

enum option_http {
	OPT_CACERT = 512,
	OPT_CERT,
	OPT_CONNECT_TIMEOUT,
	OPT_KEY,
	OPT_NETRC,
	OPT_BEARER,
	OPT_PROXY,
	OPT_RESOLVE,
	OPT_SINK_BEARER,
	OPT_SINK_HEADER,
	OPT_UNIX_SOCKET,
	OPT_USER,
};

/* What they say.  { 0 } is nothing. */
struct options_http {
	struct transfer from; /* of the source; or of the sink, if only that is
				 a URL */
	struct transfer to;   /* of the sink alone */
	int64_t connect_ms;   /* 0: not given */
	const char *lax;      /* a file of them that others can read; NULL */
	bool given;           /* any of them was */
	bool to_given;        /* of those for the sink alone */
};

/* Take the option with optarg.  Returns whether it is one of them. */
bool options_http_take(struct options_http *h, int letter);

/*
 * All were taken: source and sink tell whether those are URLs.  A fault ends the
 * program.
 */
void options_http_finish(struct options_http *h, bool source, bool sink);

/* What the sink's requests are made of. */
struct transfer *options_http_sink(struct options_http *h, bool source);

void options_http_free(struct options_http *h);

#endif
