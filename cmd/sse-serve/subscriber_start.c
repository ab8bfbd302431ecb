#include <stdlib.h>

#include "subscriber_inner.h"

/* The channel whose next message, counted by w, comes last; false: none has. */
static bool
pick_newest(const struct subscriber *s, const struct walk *w, size_t *best)
{
	struct place p = PLACE_ZERO;
	bool found = false;

	for (size_t i = 0; i < subscriber_nchannels(s); i++) {
		const struct replay *log = &subscriber_channel(s, i)->log;
		struct place q;

		if (w->next[i] == 0)
			continue;
		q = replay_at(log, w->next[i] - 1)->place;
		if (!found || place_cmp(q, p) > 0) {
			found = true;
			*best = i;
			p = q;
		}
	}
	return found;
}

/* The place behind which the newest n that pass stand. */
static struct place
behind_newest(const struct subscriber *s, size_t n, const struct era *era)
{
	struct place cursor = era->horizon;
	struct walk w;
	size_t i;

	for (i = 0; i < subscriber_nchannels(s); i++)
		w.next[i] = replay_after(
		    &subscriber_channel(s, i)->log, era->horizon);
	while (n > 0 && pick_newest(s, &w, &i)) {
		const struct message *m = replay_at(
		    &subscriber_channel(s, i)->log, --w.next[i]);

		if (!subscriber_wants(s, m, era->now_ms))
			continue;
		cursor = place_before(m->place);
		n--;
	}
	return cursor;
}

/*
 * An ID that is no place is found by its text; false: it is unknown.  Where two
 * channels know it, the event that stands first is meant: some may come twice
 * then, but none is passed over.
 */
static bool
find_id(const struct subscriber *s, struct sse_text id, struct place *p)
{
	bool found = false;

	if (place_parse(id.ptr, id.len, p))
		return true;
	for (size_t i = 0; i < subscriber_nchannels(s); i++) {
		const struct message *m = replay_find(
		    &subscriber_channel(s, i)->log, id);

		if (m != NULL && (!found || place_cmp(m->place, *p) < 0)) {
			*p = m->place;
			found = true;
		}
	}
	return found;
}

static bool
is_found(const struct start *start, struct place *p)
{
	*p = start->found;
	return !place_is_zero(start->found);
}

bool
subscriber_ahead(const struct start *start, const struct era *era)
{
	struct place p;

	return start->kind == START_ID &&
	    place_parse(start->id.ptr, start->id.len, &p) &&
	    place_cmp(p, era->horizon) > 0;
}

/* What retention no longer vouches for, seen from at_ms. */
static struct place
vouched_from(const struct channel *ch, const struct era *era, int64_t at_ms)
{
	struct place aged = PLACE_ZERO;

	if (ch->age_ms > 0 && at_ms > ch->age_ms)
		aged.ms = (uint64_t)(at_ms - ch->age_ms);
	return place_max(aged, era->birth);
}

/* Up to where ch may have lost events behind cursor; zero: it has not. */
static struct place
lost_on_return(
    const struct channel *ch, struct place cursor, const struct era *era)
{
	size_t i = replay_after(&ch->log, cursor);
	struct place lost = ch->log.dropped;

	if (i < ch->log.count) {
		const struct message *m = replay_at(&ch->log, i);

		lost = m->prev;
		if (place_is_zero(lost))
			lost = vouched_from(ch, era, (int64_t)m->place.ms);
	} else if (ch->log.count > 0) {
		return PLACE_ZERO;
	} else if (place_is_zero(lost)) {
		lost = vouched_from(ch, era, era->now_ms);
	}
	return place_cmp(lost, cursor) > 0 ? lost : PLACE_ZERO;
}

/*
 * Are events behind cursor lost in channel i, which is said hereby, or is there
 * a gap already?  What a page holds is for the walk to tell.
 */
static bool
is_lost(struct subscriber *s, size_t i, struct place cursor,
    const struct era *era, bool gap)
{
	const struct channel *ch = subscriber_channel(s, i);
	struct place to, lost = subscriber_lost(ch, cursor);

	if (channel_log(ch, cursor, &to) == &ch->log)
		return subscriber_say(s, i, lost_on_return(ch, cursor, era)) ||
		    gap;
	if (gap) /* once is enough */
		(void)subscriber_say(s, i, place_max(lost, ch->log.dropped));
	return gap;
}

/* Without a mark it starts with what is kept, which loses nothing. */
static struct place
oldest_kept(struct subscriber *s, size_t i)
{
	const struct channel *ch = subscriber_channel(s, i);

	if (channel_is_cut(ch)) {
		(void)subscriber_say(s, i, ch->log.dropped);
		return PLACE_ZERO;
	}
	return ch->log.count > 0 ? replay_at(&ch->log, 0)->prev
				 : ch->log.dropped;
}

/* A start per channel; NULL: ENOMEM. */
static struct place *
make_starts(struct subscriber *s)
{
	struct aside *a = subscriber_aside(s);

	if (a != NULL)
		a->starts = calloc(s->audience->nchannels, sizeof(*a->starts));
	return a == NULL ? NULL : a->starts;
}

/*
 * Some channels are due from the mark on, the others from now on.  The cursor
 * stands where the first of them starts, and starts says the rest.
 */
static struct gap
start_pending(
    struct subscriber *s, const struct start *start, const struct era *era)
{
	bool forked = bus_fork_has(&era->fork, start->mark);
	struct place mark = forked ? era->fork.low : start->mark;
	struct gap gap = { .is = forked ||
		    (!place_is_zero(mark) && place_cmp(mark, era->birth) < 0) };
	struct place *starts = make_starts(s);

	if (starts == NULL) {
		gap.is = true; /* what was pending is passed over, and said */
		return gap;
	}
	for (size_t i = 0; i < subscriber_nchannels(s); i++) {
		if (i < start->from || i >= start->to)
			starts[i] = era->horizon;
		else if (place_is_zero(mark))
			starts[i] = oldest_kept(s, i);
		else {
			starts[i] = mark;
			gap.is = is_lost(s, i, mark, era, gap.is);
		}
		s->cursor = place_min(s->cursor, starts[i]);
	}
	if (gap.is)
		gap.oldest = subscriber_oldest(s);
	return gap;
}

/* It may have been started before, and has read nothing since. */
static void
start_over(struct subscriber *s)
{
	if (s->aside == NULL)
		return;
	free(s->aside->starts);
	free(s->aside->said);
	s->aside->starts = s->aside->said = NULL;
}

struct gap
subscriber_start(
    struct subscriber *s, const struct start *start, const struct era *era)
{
	struct gap gap = { 0 };

	start_over(s);
	s->forks = era->forks;
	s->cursor = era->horizon;
	if (start->kind == START_LAST)
		s->cursor = start->sought ? start->found
					  : behind_newest(s, start->n, era);
	if (start->kind == START_PENDING)
		return start_pending(s, start, era);
	if (start->kind != START_ID)
		return gap;
	if (!(start->sought ? is_found(start, &s->cursor)
			    : find_id(s, start->id, &s->cursor)) ||
	    place_cmp(s->cursor, era->horizon) > 0) {
		/* Not an ID of ours: all that is kept may be new to it. */
		s->cursor = PLACE_ZERO;
		gap.is = true;
	} else if (bus_fork_has(&era->fork, s->cursor)) {
		s->cursor = era->fork.low;
		gap.is = true;
	} else if (place_cmp(s->cursor, era->birth) < 0)
		gap.is = true;
	for (size_t i = 0; i < subscriber_nchannels(s); i++)
		gap.is = is_lost(s, i, s->cursor, era, gap.is);
	if (gap.is)
		gap.oldest = subscriber_oldest(s);
	return gap;
}
