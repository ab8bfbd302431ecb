/*
 * The functions of libcurl that are called, found by their names in a libcurl
 * that is loaded when it is asked for.
 */
#ifndef LIBCURL_H
#define LIBCURL_H

#include <curl/curl.h>

struct libcurl {
	__typeof__(curl_easy_init) *init;
	__typeof__(curl_easy_setopt) *setopt;
	__typeof__(curl_easy_perform) *perform;
	__typeof__(curl_easy_getinfo) *getinfo;
	__typeof__(curl_easy_strerror) *strerror;
	__typeof__(curl_easy_cleanup) *cleanup;
	__typeof__(curl_slist_append) *append;
	__typeof__(curl_slist_free_all) *free_all;
};

/*
 * Load it, or find it loaded.  It stays: what it has begun in this process, by
 * OpenSSL for one, is not ended before the process.  -1: it is not there.
 */
int libcurl_load(struct libcurl *c);

#endif
