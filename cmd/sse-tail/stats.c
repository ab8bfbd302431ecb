#include <stdio.h>
#include <stdlib.h>

#include "place.h"
#include "stats.h"

#define LAG_MAX_MS (INT64_C(365) * 24 * 3600 * 1000)

void
stats_begin(struct stats *s, int64_t mono_ms)
{
	*s = (struct stats){ .begun_ms = mono_ms, .lag_ms = -1 };
}

void
stats_event(struct stats *s, const struct event *ev, int64_t unix_ms)
{
	struct place p;
	int64_t lag;

	s->events++;
	if (!ev->has_id || !place_parse(ev->id.ptr, ev->id.len, &p) ||
	    p.ms > INT64_MAX)
		return;
	/* Numbers that are no time are somebody's own IDs. */
	lag = unix_ms - (int64_t)p.ms;
	if (lag > -LAG_MAX_MS && lag < LAG_MAX_MS)
		s->lag_ms = lag < 0 ? 0 : lag;
}

const char *
stats_line(const struct stats *s, int64_t mono_ms, char *buf, size_t cap)
{
	double seconds = (double)(mono_ms - s->begun_ms) / 1000;
	char lag[48] = "";

	if (s->lag_ms >= 0)
		snprintf(
		    lag, sizeof(lag), ", lag %.3f s", (double)s->lag_ms / 1000);
	snprintf(buf, cap,
	    "%llu events, %llu bytes, %llu reconnections in %.1f s, %.1f "
	    "events/s%s",
	    s->events, s->bytes, s->opened - s->urls, seconds,
	    seconds > 0 ? (double)s->events / seconds : 0, lag);
	return buf;
}
