#include "sweep.h"
#include "upkeep.h"

#define ROUND_MAX_MS 10000

/* At most a part of time, if that is set. */
static int64_t
at_most(int64_t ms, int64_t time, int64_t part)
{
	return time > 0 && time / part < ms ? time / part : ms;
}

int64_t
upkeep_round_ms(const struct conf *conf)
{
	int64_t ms = ROUND_MAX_MS;

	if (conf->keepalive_ms == 0 && conf->stall_ms == 0 &&
	    conf->max_lifetime_ms == 0)
		return 0;
	ms = at_most(ms, conf->keepalive_ms, 2);
	ms = at_most(ms, conf->stall_ms, 4);
	ms = at_most(ms, conf->max_lifetime_ms, 16);
	return ms > SWEEP_SLOTS ? ms : SWEEP_SLOTS;
}

/* From from to to, by the slot. */
static int64_t
between(int64_t from, int64_t to, unsigned int slot)
{
	return to > from ? from + (to - from) * slot / SWEEP_SLOTS : from;
}

/* Those that are told stand apart already; others are spread. */
static bool
is_idle(const struct standing *v, int64_t quiet, int64_t round)
{
	if (v->told)
		return v->idle_ms > quiet - round;
	return v->idle_ms >= between(quiet / 2, quiet - round, v->slot);
}

enum upkeep
upkeep_due(const struct conf *conf, const struct standing *v)
{
	int64_t round = upkeep_round_ms(conf), life = conf->max_lifetime_ms;
	int64_t quiet = conf->keepalive_ms;

	if (conf->stall_ms > 0 && v->blocked && v->idle_ms >= conf->stall_ms)
		return UPKEEP_STALLED;
	if (life > 0 && v->blocked && v->age_ms + round > life)
		return UPKEEP_CUT;
	if (life > 0 && !v->blocked &&
	    v->age_ms >= between(life / 8 * 7, life - round, v->slot))
		return UPKEEP_END;
	if (quiet > 0 && !v->blocked && is_idle(v, quiet, round))
		return UPKEEP_KEEPALIVE;
	return UPKEEP_NOTHING;
}
