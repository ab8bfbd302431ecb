/*
 * An outage: since when a peer has been away, and when to try it again.
 */
#ifndef OUTAGE_H
#define OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

struct outage {
	int64_t since_ms;      /* -1: there is none */
	int64_t retry_ms;      /* not before */
	unsigned int failures; /* in a row */
};

#define OUTAGE_NONE ((struct outage){ .since_ms = -1 })

/*
 * An attempt has failed.  The next is at retry_ms: after a pause that doubles,
 * with jitter, but not behind the limit_ms that it may last (0: any time).
 * Returns whether the outage begins with it.
 */
bool outage_fail(struct outage *o, int64_t now_ms, int64_t limit_ms);

/* Has it lasted limit_ms (0: never)? */
bool outage_too_long(const struct outage *o, int64_t now_ms, int64_t limit_ms);

/* It is over: how long it was, or -1 when there was none. */
int64_t outage_end(struct outage *o, int64_t now_ms);

/* The pause after n failures before this one, in milliseconds. */
int64_t outage_pause_ms(unsigned int n);

#endif
