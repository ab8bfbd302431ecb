#include <stdlib.h>

#include "outage.h"

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 10000

/* Jitter, because many may have lost the same server. */
int64_t
outage_pause_ms(unsigned int n)
{
	uint32_t max = PAUSE_MIN_MS;

	while (n-- > 0 && max < PAUSE_MAX_MS)
		max *= 2;
	if (max > PAUSE_MAX_MS)
		max = PAUSE_MAX_MS;
	return max / 2 + arc4random_uniform(max / 2 + 1);
}

bool
outage_fail(struct outage *o, int64_t now_ms, int64_t limit_ms)
{
	bool first = o->since_ms == -1;

	if (first)
		o->since_ms = now_ms;
	o->retry_ms = now_ms + outage_pause_ms(o->failures++);
	if (limit_ms > 0 && o->retry_ms > o->since_ms + limit_ms)
		o->retry_ms = o->since_ms + limit_ms;
	return first;
}

bool
outage_too_long(const struct outage *o, int64_t now_ms, int64_t limit_ms)
{
	return o->since_ms != -1 && limit_ms > 0 &&
	    now_ms - o->since_ms >= limit_ms;
}

int64_t
outage_end(struct outage *o, int64_t now_ms)
{
	int64_t since_ms = o->since_ms;

	*o = OUTAGE_NONE;
	return since_ms == -1 ? -1 : now_ms - since_ms;
}
