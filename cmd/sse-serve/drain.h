/*
 * How streams are closed when the server is stopped: not all at once, and each
 * with a reconnection time of its own, so that they do not all come back in the
 * same second.  Pure.
 */
#ifndef DRAIN_H
#define DRAIN_H

#include <stddef.h>
#include <stdint.h>

struct drain {
	double began;    /* of the loop's clock, as all times here */
	double interval; /* between two closings */
	size_t total;    /* connections there were */
	size_t told;     /* how many of them are told to end */
};

/*
 * Begin with so many connections.  Nine tenths of limit_ms are spread over
 * them, so that the last has time too; but none waits longer for the next than
 * a twentieth of a second.
 */
void drain_begin(struct drain *d, size_t total, int64_t limit_ms, double now);

/* How many more are to be told by now. */
size_t drain_due(const struct drain *d, double now);

/*
 * The reconnection time for one of so many streams: between retry_ms and that
 * plus the greater of it and a millisecond for every five streams.
 */
int64_t drain_retry_ms(size_t streams, int64_t retry_ms, uint32_t chance);

#endif
