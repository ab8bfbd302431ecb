/*
 * Posts that come again, since their first answer was lost: known by the key of
 * an event, or by a producer's number, without Redis.
 */
#ifndef REPEATS_H
#define REPEATS_H

#include <stdbool.h>

#include "ledger.h"

struct post;

struct repeats {
	struct ledger onces;     /* "CHANNEL,KEY": the ID, LF */
	struct ledger producers; /* "NAME": number of the last, LF, its IDs */
	struct sse_buf scratch;
};

/* Half of max_bytes is for either; keys and numbers are kept so long. */
void repeats_init(
    struct repeats *r, size_t max_bytes, int64_t once_ms, int64_t producer_ms);
void repeats_clear(struct repeats *r);

/*
 * If p is a repeat, answer it as the first time; if its number cannot be right,
 * refuse it.  Returns whether it is dealt with.
 */
bool repeats_answer(struct repeats *r, struct post *p);

/* p was published.  -1 with ENOMEM. */
int repeats_note(struct repeats *r, const struct post *p);

#endif
