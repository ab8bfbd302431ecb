#include <stdlib.h>

#include "fork_log.h"

/* The places of a log that has come; *floor is the one before them. */
static size_t
read_places(const redisReply *reply, size_t nth, struct place *places,
    struct place *floor)
{
	size_t n = 0, count = bus_log_count(reply, nth);
	struct bus_entry e;

	*floor = bus_log_top(reply, nth);
	for (size_t i = 0; i < count; i++) {
		if (bus_log_entry(reply, nth, i, &e) == -1)
			continue;
		if (n == 0)
			*floor = e.prev;
		places[n++] = e.place;
	}
	return n;
}

bool
fork_log_parts(const struct replay *log, const redisReply *reply, size_t nth)
{
	struct place last = replay_last(log);
	size_t n = bus_log_count(reply, nth);
	struct bus_entry e;

	if (log->count == 0)
		return false; /* then last may be of any channel */
	for (size_t i = 0; i < n; i++) {
		if (bus_log_entry(reply, nth, i, &e) == -1)
			continue;
		if (place_cmp(e.place, last) > 0)
			return place_cmp(e.prev, last) < 0;
		if (!fork_knows(log, e.place))
			return true;
	}
	return place_cmp(bus_log_top(reply, nth), last) < 0;
}

void
fork_log_compare(struct fork *f, const struct replay *log,
    const redisReply *reply, size_t nth)
{
	struct place *places, floor;
	size_t n = bus_log_count(reply, nth);

	if ((places = reallocarray(NULL, n + 1, sizeof(*places))) != NULL) {
		n = read_places(reply, nth, places, &floor);
		fork_compare(f, log, floor, places, n);
		free(places);
	}
}

bool
fork_log_leaves(const struct replay *log, const struct bus_entry *e)
{
	return log->count > 0 && !place_is_zero(e->place) &&
	    place_cmp(e->prev, replay_last(log)) < 0 &&
	    place_cmp(e->place, replay_last(log)) > 0;
}
