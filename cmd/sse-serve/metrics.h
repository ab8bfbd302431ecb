/*
 * Numbers as Prometheus reads them.  Pure.  No label has a value that comes
 * from outside, so that there are only so many of them.
 * Spec: Prometheus, "Text-based format", version 0.0.4.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>

#include "counters.h"
#include "process.h"
#include "sse.h"

struct metrics {
	const struct counters *sum;
	int64_t lag_max_ms;
	bool redis; /* it is used */
	const char *version;
	struct process process;
};

/* -1 with ENOMEM. */
int metrics_append(struct sse_buf *b, const struct metrics *m);

#endif
