/*
 * A channel's log beside what Redis says of it: the same history or another one.
 * Replies are those of attach commands, of which nth is the log's number.  Pure.
 */
#ifndef FORK_LOG_H
#define FORK_LOG_H

#include "bus.h"
#include "fork.h"

/* Is a log that we have known not the one that goes on like this? */
bool fork_log_parts(
    const struct replay *log, const redisReply *reply, size_t nth);

/* Does a live event follow another one than that which was the last here? */
bool fork_log_leaves(const struct replay *log, const struct bus_entry *e);

/* Note in f where they part. */
void fork_log_compare(struct fork *f, const struct replay *log,
    const redisReply *reply, size_t nth);

#endif
