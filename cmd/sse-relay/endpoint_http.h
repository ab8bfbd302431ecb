/*
 * What an operand that is a URL names: a server, and channels if its path is
 * that of an sse-serve.  Of use to endpoint*.c alone.
 */
#ifndef ENDPOINT_HTTP_H
#define ENDPOINT_HTTP_H

#include "endpoint.h"

bool endpoint_loopback(const char *host);
bool endpoint_same_server(const struct redis_url *a, const struct redis_url *b);

/* e->text is the URL.  -1 with *fault as endpoint_parse(). */
int endpoint_http_parse(struct endpoint *e, const char **fault);

/* The source, which names no path, is to read n channels.  -1 with ENOMEM. */
int endpoint_http_read(struct endpoint *e, char *const *channels, size_t n);

/* The sink's URL is to be the one that /events/CHANNEL is put behind. */
int endpoint_http_base(struct endpoint *e);

#endif
