/*
 * An event's fields as they stand in an entry of a Redis stream, the replay
 * log's or any other: pairs of name and value.  Of use to bus*.c alone.
 */
#ifndef BUS_FIELDS_H
#define BUS_FIELDS_H

#include "bus_args.h"

struct bus_fields {
	struct {
		const char *name;
		struct sse_text value;
	} of[10];
	size_t n;
	char retry[24];
	char expires[EVENT_EXPIRES_LEN];
};

/* All that is set but ID and channel; it borrows ev's texts. */
void bus_fields_of(struct bus_fields *f, const struct event *ev);

/* One more, in front of those there are not yet. */
void bus_fields_add(
    struct bus_fields *f, const char *name, struct sse_text value);

/* Append all, names and values in turn.  -1: ENOMEM, with some appended. */
int bus_fields_put(const struct bus_fields *f, struct bus_args *a);

#endif
