/*
 * The options that make a request to an sse-serve, under curl's names.
 */
#ifndef OPTIONS_HTTP_H
#define OPTIONS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "http.h"

enum option_http {
	OPT_BEARER = 512,
	OPT_CACERT,
	OPT_CERT,
	OPT_KEY,
};

/* What they say; constant texts are borrowed.  { 0 } is nothing. */
struct options_http {
	const char *url; /* NULL: not given */
	char **headers;  /* of requests, owned, each to go by freezero() */
	size_t nheaders;
	char *bearer; /* owned likewise; NULL: none */
	struct http_tls tls;
	const char *given; /* one that is for the URL alone; NULL: none is */
};

/*
 * Take the option with optarg; a fault ends the program.  Returns whether it
 * is one of them.
 */
bool options_http_take(struct options_http *h, int letter);

/* All were taken: a fault of what they say together ends the program. */
void options_http_check(const struct options_http *h);

void options_http_free(struct options_http *h);

#endif
