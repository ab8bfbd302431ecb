#include <stddef.h>

#include "counters.h"

const char *const refusal_names[REFUSALS] = {
	[REFUSAL_MALFORMED] = "malformed",
	[REFUSAL_HEAD] = "head",
	[REFUSAL_BODY] = "body",
	[REFUSAL_LATE] = "late",
	[REFUSAL_FORBIDDEN] = "forbidden",
	[REFUSAL_NOT_FOUND] = "not_found",
	[REFUSAL_TYPE] = "type",
	[REFUSAL_CONNECTIONS] = "connections",
	[REFUSAL_ADDRESS] = "address",
	[REFUSAL_CLIENT] = "client",
	[REFUSAL_RATE] = "rate",
	[REFUSAL_STOPPING] = "stopping",
	[REFUSAL_CHANNELS] = "channels",
	[REFUSAL_MEMORY] = "memory",
	[REFUSAL_UNAVAILABLE] = "unavailable",
};

const char *const ending_names[ENDINGS] = {
	[ENDING_PEER] = "peer",
	[ENDING_END] = "end",
	[ENDING_STOPPED] = "stopped",
	[ENDING_CUT] = "cut",
	[ENDING_DISMISSED] = "dismissed",
	[ENDING_STALLED] = "stalled",
	[ENDING_LAGGED] = "lagged",
	[ENDING_LIFETIME] = "lifetime",
	[ENDING_EXPIRED] = "expired",
	[ENDING_MEMORY] = "memory",
};

const char *const outcome_names[OUTCOMES] = {
	[OUTCOME_NOTHING] = "nothing",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_ANSWERED] = "answered",
	[OUTCOME_STREAM] = "stream",
};

const char *const origin_kind_names[FROM_KINDS] = {
	[FROM_INPUT] = "stdin",
	[FROM_POST] = "post",
	[FROM_REDIS] = "redis",
};

const uint64_t delay_bounds_us[DELAYS] = { 100, 500, 1000, 5000, 10000, 50000,
	100000, 500000, 1000000, 5000000, 30000000, 300000000 };

enum refusal
refusal_of(int status)
{
	switch (status) {
	case 401:
	case 403:
	case 421:
		return REFUSAL_FORBIDDEN;
	case 404:
	case 405:
		return REFUSAL_NOT_FOUND;
	case 406:
	case 415:
		return REFUSAL_TYPE;
	case 408:
		return REFUSAL_LATE;
	case 413:
		return REFUSAL_BODY;
	case 414:
	case 431:
		return REFUSAL_HEAD;
	case 503:
	case 507:
		return REFUSAL_UNAVAILABLE;
	default:
		return REFUSAL_MALFORMED;
	}
}

_Static_assert(sizeof(struct counters) % sizeof(uint64_t) == 0,
    "counters_add() takes it for an array");

void
counters_add(struct counters *to, const struct counters *from)
{
	uint64_t *sum = (void *)to;
	const uint64_t *more = (const void *)from;

	for (size_t i = 0; i < sizeof(*to) / sizeof(*sum); i++)
		sum[i] += more[i];
}

void
delays_add(struct delays *d, uint64_t us)
{
	size_t i = 0;

	while (i < DELAYS && us > delay_bounds_us[i])
		i++;
	d->n[i]++;
	d->sum_us += us;
}

void
delays_turn(struct delays *d, double from_s, double to_s)
{
	delays_add(d, to_s > from_s ? (uint64_t)((to_s - from_s) * 1e6) : 0);
}
