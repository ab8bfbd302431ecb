/*
 * Accepting from one listening socket, as all workers do.  Without descriptors
 * it pauses, and the kernel keeps those who come waiting.
 */
#ifndef ACCEPTOR_H
#define ACCEPTOR_H

#include <ev.h>
#include <stdbool.h>

struct listener;
struct worker;

struct acceptor {
	ev_io io;
	ev_timer again;
	const struct listener *listener;
	struct worker *worker;
	bool paused;
};

void acceptor_start(
    struct acceptor *a, struct worker *w, const struct listener *listener);

/* A descriptor is free again: it goes on, if it paused. */
void acceptor_resume(struct acceptor *a);

/*
 * Accept no more.  Those who stand in line come in.  Behind them the socket is
 * closed for all, so that others do not wait for what will not come; but one
 * that was passed to us is for whoever comes after us.
 */
void acceptor_stop(struct acceptor *a);

/* Its loop has nothing more of it; the socket stays. */
void acceptor_clear(struct acceptor *a);

#endif
