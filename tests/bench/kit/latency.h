/*
 * Latencies as a histogram: 256 classes to each power of two of nanoseconds, so
 * that a percentile is exact to 0.4 %.
 */
#ifndef LATENCY_H
#define LATENCY_H

#include <stdint.h>

#define LATENCY_CLASSES (64 * 256)

struct latency {
	uint64_t count[LATENCY_CLASSES];
	uint64_t n;
	uint64_t max_ns;
};

void latency_add(struct latency *l, uint64_t ns);
void latency_merge(struct latency *sum, const struct latency *l);

/* What a share of all lies at or below, in ns; 0 when there are none. */
uint64_t latency_at(const struct latency *l, double share);

#endif
