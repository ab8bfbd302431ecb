/*
 * The sink that cannot fail because its destination is away: what does not go
 * there goes to a spool, and from there, before anything else, when the
 * destination is back.  Each event is published under a key of its own, so that
 * whichever way it goes, and however often, it is published once.
 */
#ifndef SINK_SPOOL_H
#define SINK_SPOOL_H

#include "destination.h"
#include "sink.h"
#include "spool.h"

/* d and spool are borrowed.  NULL with ENOMEM. */
struct sink *sink_spool_new(
    const struct destination *d, struct spool *spool, int64_t timeout_ms);

/*
 * Connect, and publish what waits.  SINK_READY, also when the destination is
 * away; SINK_FAILED when it refuses what is in the spool.
 */
enum sink_state sink_spool_open(struct sink *s);

/* How many events of this run wait in the spool. */
unsigned long long sink_spool_kept(const struct sink *s);

/* Why the destination is away, and the exit status of that; 0: it is not. */
int sink_spool_away(const struct sink *s, const char **fault);

#endif
