/*
 * Where an sse-serve is, as a text: http://, https:// or unix:PATH, and what
 * is made of it.  libcurl is not needed for any of it.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "sse.h"

#define HTTP_UNIX "unix:"

/* Why base names no server, a constant, or NULL. */
const char *http_base_fault(const char *base);

/*
 * base for messages, without what stands before @, which may be a secret; to
 * be freed.  NULL: ENOMEM.
 */
char *http_shown(const char *base);

/* The URL of a channel's events below base, to be freed.  NULL: ENOMEM. */
char *http_target(const char *base, struct sse_text channel);

#endif
