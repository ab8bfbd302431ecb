/*
 * The numbers of --stats.
 */
#ifndef STATS_H
#define STATS_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct stats {
	unsigned long long events; /* printed, or given to --exec */
	unsigned long long bytes;  /* of the streams */
	unsigned long long opened; /* connections */
	unsigned long long urls;   /* that have opened at least one */
	int64_t begun_ms;
	int64_t lag_ms; /* of the last event with a place; -1: none */
};

/* Times are those of clock_mono_ms(), but where they are Unix time. */
void stats_begin(struct stats *s, int64_t mono_ms);

/* An event came; its ID tells, when it is a place, when it was published. */
void stats_event(struct stats *s, const struct event *ev, int64_t unix_ms);

/* One line for people; buf has cap bytes. */
const char *stats_line(
    const struct stats *s, int64_t mono_ms, char *buf, size_t cap);

#endif
