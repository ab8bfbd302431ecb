/*
 * A relay: events from a source to a sink, until one of them ends.
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>

#include "carry.h"
#include "filter.h"
#include "sink.h"
#include "source.h"
#include "tally.h"

struct relay {
	struct source *source;
	struct sink *sink;
	struct carry *carry;
	struct filter *filter; /* NULL: none */
	struct tally *tally;
	/* Where a gap goes that names no channel. */
	char **channels;
	size_t nchannels;
	bool gap_fail; /* a gap ends it with 80 */
	bool strict;   /* a malformed event ends it; else it is passed over */
	bool stats;    /* say at the end what was done */
	int verbose;   /* -1: quiet */
	/* Called once both sides are there, and when the end begins; or NULL. */
	void (*announce)(bool ready);
	/* Called so often, in ms, while all is well; 0: never. */
	void (*alive)(void);
	int64_t alive_ms;
};

#define RELAY_EX_GAP 80

/*
 * Carry until the source ends or one side fails for good: an exit status, told
 * on standard error when it is not 0.  Once interrupt_signal() tells of a signal
 * it delivers what was read, within five seconds, and returns.
 */
int relay_run(const struct relay *r);

/* Catch SIGUSR1, which makes relay_run() say what was done so far. */
void relay_catch_usr1(void);

#endif
