#include "ack.h"
#include "hub.h"
#include "marking.h"
#include "source_redis.h"
#include "units.h"

void
marking_done(struct hub *h, struct ack *a)
{
	hub_tell(
	    h, a->worker, &(struct notice){ .what = NOTICE_ACKED, .ack = a });
}

/* Which event is meant: a place, or the text of an own ID that is kept here. */
static bool
find_place(const struct hub *h, struct ack *a)
{
	const struct texts *own = &a->who->own;
	bool found = false;

	if (place_parse(a->id.ptr, a->id.len, &a->place))
		return true;
	for (size_t i = 0; i < own->n; i++) {
		const struct history *hist = archive_find(
		    &h->archive, own->v[i]);
		const struct message *m = hist == NULL
		    ? NULL
		    : replay_find(&hist->log, a->id);

		if (m == NULL)
			continue;
		a->place = found ? place_min(a->place, m->place) : m->place;
		found = true;
	}
	return found;
}

/* As long as anything is kept that the mark is about; 0: for ever. */
static int64_t
age_of(const struct hub *h, const struct ack *a)
{
	int64_t age = 1;

	/* The first of them is broadcast, which is nobody's own. */
	for (size_t i = 1; i < a->who->own.n; i++) {
		int64_t one =
		    retention_of(&h->conf->retentions, a->who->own.v[i]).age_ms;

		if (one == 0)
			return 0;
		age = one > age ? one : age;
	}
	return age;
}

static void
mark_here(struct hub *h, struct ack *a, int64_t age)
{
	int64_t now = clock_unix_ms();

	if (a->who == NULL)
		a->place = marks_get(&h->marks, a->client, now);
	else if (place_cmp(a->place, h->last) > 0)
		a->status = 409;
	else {
		a->place = marks_move(&h->marks, a->client, a->place,
		    age == 0 ? 0 : now + age, now);
		if (place_is_zero(a->place))
			a->status = 503;
	}
	marking_done(h, a);
}

void
marking_hear(struct hub *h, struct ack *a)
{
	int64_t age = 0;

	if (a->who != NULL) {
		if (!find_place(h, a)) {
			a->status = 404;
			marking_done(h, a);
			return;
		}
		age = age_of(h, a);
	}
	if (h->redis == NULL)
		mark_here(h, a, age);
	else
		source_redis_ack(h->redis, a, age);
}
