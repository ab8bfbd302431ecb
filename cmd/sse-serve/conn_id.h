/*
 * The ID of a connection that is an event stream: INSTANCE-WORKER-SERIAL, as
 * in 5f3a9c01d2e4-0-17.  No two are the same, on whatever machine, and none is
 * used twice; it needs no escapes in a URL.  Pure.
 */
#ifndef CONN_ID_H
#define CONN_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "sse.h"

#define INSTANCE_LEN 13 /* twelve hexadecimal digits and a NUL */
#define CONN_ID_LEN 40

struct conn_id {
	char instance[INSTANCE_LEN]; /* of this process alone, by chance */
	unsigned int worker;
	uint64_t serial; /* of the worker; from 1 on */
};

/* Returns the length; a NUL stands behind it. */
int conn_id_format(const struct conn_id *id, char buf[static CONN_ID_LEN]);

/* False: it is none. */
bool conn_id_parse(struct conn_id *id, struct sse_text t);

/* The order in which they are listed: by worker, then as they came. */
bool conn_id_before(const struct conn_id *a, const struct conn_id *b);

#endif
