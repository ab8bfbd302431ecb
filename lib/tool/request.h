/*
 * A request for an event stream, as follow.h makes one: what is set on the curl
 * handle, and which headers it bears.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <curl/curl.h>

#include "follow.h"

/* A handle with all that holds for every request.  NULL: it cannot be. */
CURL *request_new(const struct follow_conf *conf);

/*
 * The headers of one request, to be freed: the user's, then ours, each that the
 * user has not named.  -1: ENOMEM.
 */
int request_headers(struct curl_slist **list, const struct follow_conf *conf,
    struct sse_text last_id);

/*
 * The URL as messages show it: no user, no password, nothing that moves a
 * terminal's cursor.  To be freed; NULL with ENOMEM.
 */
char *request_shown(const char *url);

#endif
