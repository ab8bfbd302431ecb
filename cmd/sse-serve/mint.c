#include "mint.h"

/*
 * An own ID that is no place, between others whose places were adopted: the
 * event takes the place it most likely had where it came from, for with one of
 * now it would put those that follow out of order.
 */
static bool
continues(const struct mint *m, const struct event *ev, struct place last,
    uint64_t now_ms)
{
	return m->adopted && ev->has_id &&
	    now_ms < last.ms + (uint64_t)m->age_ms / 2;
}

struct place
mint_place(struct mint *m, struct event *ev, struct place last, uint64_t now_ms)
{
	struct place p;

	if (ev->has_id && place_parse(ev->id.ptr, ev->id.len, &p)) {
		if (place_adoptable(p, last, now_ms)) {
			m->adopted = true;
			return p;
		}
		if (ev->origin.len == 0)
			ev->origin = ev->id;
		ev->has_id = false;
	}
	if (continues(m, ev, last, now_ms))
		return place_next(last, 0);
	m->adopted = false;
	return place_next(last, now_ms);
}
