/*
 * Who reads an event stream, where that is somebody in particular: its
 * identity.  Those of a worker whose identity ends are kept in the order in
 * which that happens.
 */
#ifndef GUEST_H
#define GUEST_H

#include <sys/tree.h>

#include "identity.h"

struct conn;

struct guest {
	RB_ENTRY(guest) by_end;
	const struct identity *id; /* owned */
	struct conn *conn;
};

RB_HEAD(guests, guest); /* whose identity ends */

/* Takes id, which conn stays with.  NULL: ENOMEM, id is the caller's still. */
struct guest *guest_new(
    struct guests *all, const struct identity *id, struct conn *conn);
void guest_free(struct guests *all, struct guest *g); /* lets NULL pass */

/* When the next identity ends, as Unix time; -1: none does. */
int64_t guests_end_ms(const struct guests *all);

/* The connection of one that has ended by now_ms; NULL: there is none. */
struct conn *guests_over(const struct guests *all, int64_t now_ms);

#endif
