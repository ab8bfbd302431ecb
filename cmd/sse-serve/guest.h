/*
 * Who reads an event stream, where that is somebody in particular: its
 * identity, and the time when that ends.
 */
#ifndef GUEST_H
#define GUEST_H

#include <ev.h>

#include "identity.h"

struct guest {
	const struct identity *id; /* owned */
	struct ev_loop *loop;
	ev_timer until;
};

/*
 * Takes id.  over is called with arg when it ends, never before the return, nor
 * when it has no end.  NULL with ENOMEM, id is then the caller's still.
 */
struct guest *guest_new(struct ev_loop *loop, const struct identity *id,
    int64_t now_ms, void (*over)(struct ev_loop *, ev_timer *, int), void *arg);
void guest_free(struct guest *g); /* lets NULL pass */

#endif
