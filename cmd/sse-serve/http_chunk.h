/*
 * A chunked request body, read piece by piece.  Pure: no I/O, no allocation.
 * As strict as http.h, and for the same reason.
 * Spec: RFC 9112, "Chunked Transfer Coding".
 */
#ifndef HTTP_CHUNK_H
#define HTTP_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sse.h"

/*
 * { 0 } is ready for the first byte.  Extensions and trailer fields are checked
 * and dropped; HTTP_CHUNK_EXTRA_MAX bytes of them in all are let pass.
 */
#define HTTP_CHUNK_EXTRA_MAX 16384

struct http_chunk {
	int state;
	unsigned int digits;
	uint64_t left; /* of this chunk */
	size_t extra;  /* bytes of extensions and trailers so far */
	bool done;     /* the body is complete */
};

/*
 * Read from len bytes at buf, which may break off anywhere, up to the end of
 * the first piece of data.  Returns the bytes read, with *data the piece (in
 * buf; empty when there is none), or -1 when it is no chunked body (answer 400
 * and close).  All is read when the return is len or c->done is set; what
 * stands behind belongs to the next request.
 */
ssize_t http_chunk_read(
    struct http_chunk *c, const char *buf, size_t len, struct sse_text *data);

#endif
