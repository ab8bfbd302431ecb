#include <stdlib.h>

#include "subscriber_inner.h"

struct place
subscriber_lost(const struct channel *ch, struct place cursor)
{
	struct place to, lost;
	const struct replay *log = channel_log(ch, cursor, &to);
	size_t i;

	if (log == NULL)
		return PLACE_ZERO; /* the page will tell */
	i = replay_after(log, cursor);
	lost = i < log->count ? replay_at(log, i)->prev : log->dropped;
	return place_cmp(lost, cursor) > 0 ? lost : PLACE_ZERO;
}

static void
walk_begin(const struct subscriber *s, struct walk *w, const struct era *era)
{
	w->horizon = era->horizon;
	w->now_ms = era->now_ms;
	w->hole = false;
	w->ahead = s->aside != NULL ? s->aside->ahead : PLACE_ZERO;
	w->parked = false;
	for (size_t i = 0; i < subscriber_nchannels(s); i++) {
		const struct channel *ch = subscriber_channel(s, i);
		const struct replay *log;
		struct place from = subscriber_from(s, i), to;

		if ((log = channel_log(ch, from, &to)) == NULL) {
			w->parked = true;
			to = from;
			log = &ch->log;
		}
		/* A page has an end, behind which another log goes on. */
		if (place_cmp(to, w->horizon) < 0) {
			w->horizon = to;
			w->hole = true;
		}
		w->logs[i] = log;
		w->next[i] = replay_after(log, from);
	}
	if (w->parked)
		w->hole = false;
}

bool
subscriber_parked(struct subscriber *s)
{
	bool parked = false;
	struct place to;

	for (size_t i = 0; i < subscriber_nchannels(s); i++)
		if (channel_log(subscriber_channel(s, i), subscriber_from(s, i),
			&to) == NULL) {
			channel_wish(
			    subscriber_channel(s, i), subscriber_from(s, i));
			parked = true;
		}
	/* Who waits for one channel needs the pages of the others until then. */
	for (size_t i = 0; parked && i < subscriber_nchannels(s); i++) {
		struct channel *ch = subscriber_channel(s, i);

		if (ch->page != NULL &&
		    channel_log(ch, subscriber_from(s, i), &to) ==
			&ch->page->log)
			ch->page->needed = true;
	}
	return parked;
}

/* Is there a gap that is not told yet? */
static bool
is_untold(const struct subscriber *s, const struct era *era)
{
	if (s->forks != era->forks)
		return true;
	for (size_t i = 0; i < subscriber_nchannels(s); i++)
		if (subscriber_unsaid(s, i,
			subscriber_lost(
			    subscriber_channel(s, i), subscriber_from(s, i))))
			return true;
	return false;
}

bool
subscriber_due(const struct subscriber *s, const struct era *era)
{
	struct walk w;

	if (is_untold(s, era))
		return true;
	walk_begin(s, &w, era);
	return subscriber_next(s, &w) != NULL || w.hole || w.parked;
}

const struct message *
subscriber_first_due(const struct subscriber *s, const struct era *era)
{
	struct walk w;

	walk_begin(s, &w, era);
	return subscriber_next(s, &w);
}

/* When history has forked: what is new there may stand before the cursor. */
static void
follow_fork(struct subscriber *s, const struct era *era)
{
	struct aside *a = s->aside;

	if (s->forks == era->forks)
		return;
	s->cursor = place_min(s->cursor, era->fresh);
	if (a == NULL)
		return;
	for (size_t i = 0; a->starts != NULL && i < subscriber_nchannels(s);
	     i++)
		a->starts[i] = place_min(a->starts[i], era->fresh);
	free(a->said);
	a->said = NULL;
}

struct gap
subscriber_walk(struct subscriber *s, struct walk *w, const struct era *era)
{
	struct gap gap = { .is = false };

	follow_fork(s, era);
	walk_begin(s, w, era);
	if (w->parked)
		(void)subscriber_parked(s);
	if (w->parked && is_untold(s, era)) {
		/* It names the first still kept, and nothing goes before it. */
		w->horizon = PLACE_ZERO;
		s->moved = false;
		return gap;
	}
	gap.is = s->forks != era->forks;
	s->forks = era->forks;
	/* Beyond the horizon as well: some of what is lost may be before. */
	for (size_t i = 0; i < subscriber_nchannels(s); i++)
		if (subscriber_say(s, i,
			subscriber_lost(
			    subscriber_channel(s, i), subscriber_from(s, i))))
			gap.is = true;
	if (gap.is)
		gap.oldest = subscriber_oldest(s);
	return gap;
}

/*
 * Go on behind the message of channel i.  When events are missing between it
 * and the one that follows, the walk ends here, for the cursor has to stand
 * before what is lost when the gap is told.
 */
static void
step(struct walk *w, size_t i)
{
	const struct replay *log = w->logs[i];
	struct place here = replay_at(log, w->next[i]++)->place;

	if (w->next[i] < log->count &&
	    place_cmp(replay_at(log, w->next[i])->prev, here) > 0) {
		w->horizon = here;
		w->hole = true;
	}
}

struct message *
subscriber_next(const struct subscriber *s, struct walk *w)
{
	for (;;) {
		struct message *first = NULL;
		size_t from = 0;

		for (size_t i = 0; i < subscriber_nchannels(s); i++) {
			const struct replay *log = w->logs[i];
			struct message *m;

			if (w->next[i] >= log->count)
				continue;
			m = replay_at(log, w->next[i]);
			if (place_cmp(m->place, w->horizon) > 0 ||
			    (first != NULL &&
				place_cmp(m->place, first->place) >= 0))
				continue;
			first = m;
			from = i;
		}
		if (first == NULL)
			return NULL;
		step(w, from);
		if (first->ahead_len > 0 &&
		    place_cmp(first->place, w->ahead) <= 0)
			continue; /* it has been sent already */
		if (subscriber_wants(s, first, w->now_ms))
			return first;
	}
}

/* The first of priority high behind p that is wanted; NULL: none is. */
static struct message *
first_high(const struct subscriber *s, const struct walk *w, struct place p)
{
	struct message *first = NULL;

	for (size_t i = 0; i < subscriber_nchannels(s); i++) {
		const struct replay *log = w->logs[i];

		if (place_cmp(log->high, place_max(p, log->dropped)) <= 0)
			continue;
		for (size_t j =
			 replay_after(log, place_max(p, subscriber_from(s, i)));
		     j < log->count; j++) {
			struct message *m = replay_at(log, j);

			if (place_cmp(m->place, w->horizon) > 0 ||
			    (first != NULL &&
				place_cmp(m->place, first->place) >= 0))
				break;
			if (m->ahead_len == 0 ||
			    !subscriber_wants(s, m, w->now_ms))
				continue;
			first = m;
			break;
		}
	}
	return first;
}

struct message *
subscriber_next_high(const struct subscriber *s, struct walk *w, bool *in_turn)
{
	struct walk probe;
	struct message *m;

	if (s->strict ||
	    (m = first_high(s, w, place_max(s->cursor, w->ahead))) == NULL)
		return NULL;
	probe = *w;
	*in_turn = subscriber_next(s, &probe) == m;
	if (*in_turn)
		*w = probe;
	w->ahead = m->place;
	return m;
}
