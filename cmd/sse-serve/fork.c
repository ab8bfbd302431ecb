#include "fork.h"

/* The place of which nothing but p itself stands behind. */
static struct place
before(struct place p)
{
	if (p.seq > 0)
		return (struct place){ p.ms, p.seq - 1 };
	return (struct place){ p.ms - 1, UINT64_MAX };
}

void
fork_init(struct fork *f, struct place p)
{
	f->fresh = f->lost = p;
}

bool
fork_knows(const struct replay *log, struct place p)
{
	size_t i = replay_after(log, p);

	return place_cmp(p, log->dropped) <= 0 ||
	    (i > 0 && place_cmp(replay_at(log, i - 1)->place, p) == 0);
}

void
fork_compare(struct fork *f, const struct replay *log, struct place floor,
    const struct place *places, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		if (!fork_knows(log, places[i])) {
			f->fresh = place_min(f->fresh, before(places[i]));
			break;
		}
	for (size_t i = replay_after(log, floor); i < log->count; i++) {
		struct place p = replay_at(log, i)->place;

		while (at < n && place_cmp(places[at], p) < 0)
			at++;
		if (at == n || place_cmp(places[at], p) > 0) {
			f->lost = place_min(f->lost, before(p));
			break;
		}
	}
}
