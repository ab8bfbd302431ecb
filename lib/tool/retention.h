/*
 * How much of a channel is kept for those who come back: a count of events,
 * their age and bytes; the same for all channels but for families of them,
 * which a pattern names: "client:*=100,7d,1m".
 */
#ifndef RETENTION_H
#define RETENTION_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

#define RETENTION_FAMILIES_MAX 32
#define RETENTION_COUNT_MAX 10000000
#define RETENTION_AGE_MAX_MS (INT64_C(3650) * 86400000)

struct retention {
	size_t count;   /* 0: nothing is kept */
	int64_t age_ms; /* 0: for ever; in a family below 0: as the others */
	size_t bytes;   /* 0: any */
};

struct retentions {
	struct retention base; /* of channels that are of no family */
	struct {
		char pattern[CHANNEL_MAX + 1]; /* of glob(7) */
		struct retention keep;
	} families[RETENTION_FAMILIES_MAX];
	size_t n;
};

/*
 * Read "PATTERN=COUNT[,AGE[,BYTES]]" as one more family.  NULL, or what is
 * wrong, a constant.
 */
const char *retentions_add(struct retentions *r, const char *text);

/* The family of a channel, the first that matches, from 1 on; 0: of none. */
size_t retention_family(const struct retentions *r, struct sse_text channel);

/* What holds for a family, 0 to r->n; and for a channel. */
struct retention retention_of_family(const struct retentions *r, size_t family);
struct retention retention_of(
    const struct retentions *r, struct sse_text channel);

#endif
