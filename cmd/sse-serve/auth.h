/*
 * Who a client is, and what it may do.  Pure.  Everyone is anonymous so far;
 * the administration listener's clients are trusted with more.
 */
#ifndef AUTH_H
#define AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "sse.h"

struct identity {
	const struct sse_text *own; /* channels that reach it unasked */
	size_t nown;                /* at least 1: broadcast stands first */
	bool admin;                 /* it came by the administration listener */
};

/* A client that bears no token. */
struct identity auth_anonymous(bool admin);

/*
 * May it read this channel (a valid name) when it asks for it?  Plain channels
 * and what is its own anyway; an administrator: all.
 */
bool auth_may_read(const struct identity *id, struct sse_text channel);

/*
 * May it publish to this channel?  An administrator: to all but presence, which
 * only the programs write.  Others: where open says that anyone may, to plain
 * channels and broadcast.
 */
bool auth_may_publish(
    const struct identity *id, struct sse_text channel, bool open);

#endif
