/*
 * What curl's letters say about a request, and how libcurl is told.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdbool.h>

#include <curl/curl.h>

#include "sse.h"

/* { 0 } is a request with nothing special; texts are borrowed. */
struct transfer {
	struct curl_slist *headers; /* owned */
	struct curl_slist *resolve; /* owned */
	struct sse_buf data;        /* owned: what to send */
	bool has_data;
	const char *method;
	char *user; /* owned: "user:password"; goes by freezero() */
	const char *cookies;
	const char *proxy;
	const char *agent;
	const char *cacert, *cert, *key;
	const char *unix_socket;
	bool insecure, compressed, netrc;
	long ip; /* CURL_IPRESOLVE_* */
};

/*
 * Add a header line, or the lines of the file behind "@".  Likewise data, which
 * is joined to what there is by "&".  0, or -1 with *fault a constant, or NULL
 * when errno says what is wrong with the file.
 */
int transfer_add_header(
    struct transfer *t, const char *arg, const char **fault);
int transfer_add_data(struct transfer *t, const char *arg, const char **fault);
int transfer_add_resolve(struct transfer *t, const char *arg);

/* Is it by another method than GET, and so not to be made twice? */
bool transfer_once(const struct transfer *t);

/* As follow_conf's setup; arg is the struct transfer. */
int transfer_setup(CURL *easy, const void *arg);

void transfer_free(struct transfer *t);

#endif
