/*
 * What is remembered of an event stream for those who look at the server from
 * outside.  Where nobody can look, and its client is nobody in particular, it
 * is not kept, so that an idle stream costs no memory for it.
 */
#ifndef VISIT_H
#define VISIT_H

#include <stdint.h>

#include "access.h"

struct delivery;

struct visit {
	uint64_t serial;  /* of the stream, among the worker's */
	int64_t since_ms; /* Unix time */
	uint64_t events;  /* handed to it */
	uint64_t bytes;
	struct caller caller; /* nothing, unless it was to be kept */
	char *mem;            /* owned: where its texts lie */
};

/* One that begins now; keeps caller's texts unless NULL.  NULL with ENOMEM. */
struct visit *visit_new(
    uint64_t serial, int64_t now_ms, const struct caller *caller);
void visit_free(struct visit *v);

/* Something was handed to it.  NULL is let pass. */
void visit_delivered(struct visit *v, const struct delivery *d);

#endif
