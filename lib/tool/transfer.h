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
	struct curl_slist *headers;    /* owned */
	struct curl_slist *resolve;    /* owned */
	struct curl_slist *connect_to; /* owned */
	struct sse_buf data;           /* owned: what to send */
	bool has_data, json;
	const char *method;
	char *user;   /* owned: "user:password"; goes by freezero() */
	char *bearer; /* owned likewise: a token */
	char *proxy_user;
	char *cookies; /* owned likewise: "name=value" or a file's name */
	const char *proxy, *noproxy;
	const char *agent;
	const char *cacert, *capath, *cert, *key;
	const char *unix_socket, *interface;
	const char *netrc_file;
	bool insecure, compressed, netrc, digest;
	bool undecoded; /* the answer's Content-Encoding is no matter */
	long ip;        /* CURL_IPRESOLVE_* */
	long http;      /* CURL_HTTP_VERSION_* */
};

/* A copy of line at the list's end.  -1: out of memory, and all is as before. */
int transfer_append(struct curl_slist **list, const char *line);

/*
 * Add a header line, or the lines of the file behind "@".  0, or -1 with *fault
 * a constant, or NULL when errno says what is wrong with the file.
 */
int transfer_add_header(
    struct transfer *t, const char *arg, const char **fault);

/*
 * Add data, as they do: curl's -d takes the file behind "@" without its line
 * breaks, --data-binary with them, --data-raw knows no files; each is joined to
 * what there is by "&".  --json is as --data-binary, joined by nothing, and
 * makes a Content-Type.
 */
enum transfer_data { DATA_PLAIN, DATA_BINARY, DATA_RAW, DATA_JSON };
int transfer_add_data(struct transfer *t, enum transfer_data how,
    const char *arg, const char **fault);

/* All is said now: what follows from it.  -1 with ENOMEM. */
int transfer_finish(struct transfer *t);

/* Is it by another method than GET, and so not to be made twice? */
bool transfer_once(const struct transfer *t);

/* As follow_conf's setup; arg is the struct transfer. */
int transfer_setup(CURL *easy, const void *arg);

void transfer_free(struct transfer *t);

#endif
