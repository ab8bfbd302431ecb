#include "drain.h"

#define INTERVAL_MAX_S 0.05
#define RETRY_MAX_MS INT64_C(86400000)

void
drain_begin(struct drain *d, size_t total, int64_t limit_ms, double now)
{
	double spread = (double)limit_ms / 1000 * 0.9;

	*d = (struct drain){ .began = now, .total = total };
	d->interval = total > 0 ? spread / (double)total : 0;
	if (d->interval > INTERVAL_MAX_S)
		d->interval = INTERVAL_MAX_S;
}

size_t
drain_due(const struct drain *d, double now)
{
	double n = d->interval > 0 ? 1 + (now - d->began) / d->interval
				   : (double)d->total;

	if (n >= (double)d->total)
		return d->total - d->told;
	return n > (double)d->told ? (size_t)n - d->told : 0;
}

int64_t
drain_retry_ms(size_t streams, int64_t retry_ms, uint32_t chance)
{
	int64_t spread = (int64_t)(streams / 5);

	if (spread < retry_ms)
		spread = retry_ms;
	retry_ms += chance % (spread + 1);
	return retry_ms < RETRY_MAX_MS ? retry_ms : RETRY_MAX_MS;
}
