/*
 * A relay: events from a source to a sink, until one of them ends.
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>

#include "carry.h"
#include "sink.h"
#include "source.h"

struct relay {
	struct source *source;
	struct sink *sink;
	struct carry *carry;
	bool gap_fail; /* a gap ends it with 80 */
	bool strict;   /* a malformed event ends it; else it is passed over */
	int verbose;   /* -1: quiet */
	const char *from; /* what the source is called in messages */
};

#define RELAY_EX_GAP 80

/*
 * Carry until the source ends or one side fails for good: an exit status, told
 * on standard error when it is not 0.  Once interrupt_signal() tells of a signal
 * it delivers what was read, within five seconds, and returns.
 */
int relay_run(const struct relay *r);

#endif
