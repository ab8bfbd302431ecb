#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "subscriber.h"

void
subscriber_init(
    struct subscriber *s, struct predicate *predicate, unsigned int show)
{
	memset(s, 0, sizeof(*s));
	s->predicate = predicate;
	s->show = (uint8_t)show;
	s->channels = s->own;
}

void
subscriber_clear(struct subscriber *s)
{
	for (size_t i = 0; i < s->nchannels; i++)
		channel_leave(s->channels[i].channel, s->channels[i].seat);
	if (s->channels != s->own)
		free(s->channels);
	free(s->said);
	free(s->starts);
	free(s->ahead);
	predicate_free(s->predicate);
	subscriber_init(s, NULL, 0);
}

static int
make_room(struct subscriber *s)
{
	struct subscription *grown;
	size_t own = sizeof(s->own) / sizeof(s->own[0]);

	if (s->nchannels < own)
		return 0;
	if (s->nchannels == SUBSCRIBER_CHANNELS_MAX) {
		errno = ENOSPC;
		return -1;
	}
	grown = reallocarray(s->channels == s->own ? NULL : s->channels,
	    s->nchannels + 1u, sizeof(*grown));
	if (grown == NULL)
		return -1;
	if (s->channels == s->own)
		memcpy(grown, s->own, sizeof(s->own));
	s->channels = grown;
	return 0;
}

int
subscriber_join(struct subscriber *s, struct channel *ch)
{
	int seat;

	for (size_t i = 0; i < s->nchannels; i++)
		if (s->channels[i].channel == ch)
			return 0;
	if (make_room(s) == -1 || (seat = channel_join(ch, s)) == -1)
		return -1;
	s->channels[s->nchannels++] = (struct subscription){ ch,
		(uint32_t)seat };
	return 0;
}

void
subscriber_reseat(struct subscriber *s, const struct channel *ch, uint32_t seat)
{
	for (size_t i = 0; i < s->nchannels; i++)
		if (s->channels[i].channel == ch)
			s->channels[i].seat = seat;
}

bool
subscriber_attached(const struct subscriber *s)
{
	for (size_t i = 0; i < s->nchannels; i++)
		if (!s->channels[i].channel->attached)
			return false;
	return true;
}

bool
subscriber_wants(
    const struct subscriber *s, const struct message *m, int64_t now_ms)
{
	return predicate_passes(s->predicate, s->show, m, now_ms);
}

/* The place of which nothing but p itself stands behind. */
static struct place
place_before(struct place p)
{
	if (p.seq > 0)
		return (struct place){ p.ms, p.seq - 1 };
	return (struct place){ p.ms - 1, UINT64_MAX };
}

/* The channel whose next message, counted by w, comes last; -1: none is left. */
static int
pick_newest(const struct subscriber *s, const struct walk *w)
{
	int best = -1;
	struct place p = PLACE_ZERO;

	for (int i = 0; i < s->nchannels; i++) {
		const struct replay *log = &s->channels[i].channel->log;
		struct place q;

		if (w->next[i] == 0)
			continue;
		q = replay_at(log, w->next[i] - 1)->place;
		if (best == -1 || place_cmp(q, p) > 0) {
			best = i;
			p = q;
		}
	}
	return best;
}

/* The place behind which the newest n that pass stand. */
static struct place
behind_newest(const struct subscriber *s, size_t n, const struct era *era)
{
	struct place cursor = era->horizon;
	struct walk w;
	int i;

	for (i = 0; i < s->nchannels; i++)
		w.next[i] = replay_after(
		    &s->channels[i].channel->log, era->horizon);
	while (n > 0 && (i = pick_newest(s, &w)) != -1) {
		const struct message *m = replay_at(
		    &s->channels[i].channel->log, --w.next[i]);

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
	for (size_t i = 0; i < s->nchannels; i++) {
		const struct message *m = replay_find(
		    &s->channels[i].channel->log, id);

		if (m != NULL && (!found || place_cmp(m->place, *p) < 0)) {
			*p = m->place;
			found = true;
		}
	}
	return found;
}

bool
subscriber_ahead(const struct start *start, const struct era *era)
{
	struct place p;

	return start->kind == START_ID &&
	    place_parse(start->id.ptr, start->id.len, &p) &&
	    place_cmp(p, era->horizon) > 0;
}

/* Behind this place events of channel i are due. */
static struct place
from_in(const struct subscriber *s, size_t i)
{
	return s->starts == NULL ? s->cursor
				 : place_max(s->cursor, s->starts[i]);
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

/* The same for one who was here all the time. */
static struct place
lost_since(const struct channel *ch, struct place cursor)
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

/* Is there a loss in channel i that is not told? */
static bool
unsaid(const struct subscriber *s, size_t i, struct place lost)
{
	if (place_is_zero(lost))
		return false;
	return s->said == NULL || place_cmp(lost, s->said[i]) > 0;
}

/* Remember that channel i's loss is told.  False: it had been before. */
static bool
say(struct subscriber *s, size_t i, struct place lost)
{
	if (!unsaid(s, i, lost))
		return false;
	if (s->said == NULL)
		s->said = calloc(s->nchannels, sizeof(*s->said));
	if (s->said == NULL)
		return true; /* told again rather than never */
	s->said[i] = lost;
	return true;
}

static const struct message *
oldest_due(const struct subscriber *s)
{
	const struct message *oldest = NULL;

	for (size_t i = 0; i < s->nchannels; i++) {
		struct place to;
		const struct replay *log = channel_log(
		    s->channels[i].channel, from_in(s, i), &to);
		size_t at = log == NULL ? 0 : replay_after(log, from_in(s, i));

		if (log != NULL && at < log->count &&
		    (oldest == NULL ||
			place_cmp(replay_at(log, at)->place, oldest->place) <
			    0))
			oldest = replay_at(log, at);
	}
	return oldest;
}

/* Without a mark it starts with what is kept, which loses nothing. */
static struct place
oldest_kept(const struct replay *log)
{
	return log->count > 0 ? replay_at(log, 0)->prev : log->dropped;
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

	if ((s->starts = calloc(s->nchannels, sizeof(*s->starts))) == NULL) {
		gap.is = true; /* what was pending is passed over, and said */
		return gap;
	}
	for (size_t i = 0; i < s->nchannels; i++) {
		const struct channel *ch = s->channels[i].channel;
		struct place to;

		if (i < start->from || i >= start->to)
			s->starts[i] = era->horizon;
		else if (place_is_zero(mark))
			s->starts[i] = oldest_kept(&ch->log);
		else {
			s->starts[i] = mark;
			if (channel_log(ch, mark, &to) != NULL &&
			    say(s, i, lost_on_return(ch, mark, era)))
				gap.is = true;
		}
		s->cursor = place_min(s->cursor, s->starts[i]);
	}
	if (gap.is)
		gap.oldest = oldest_due(s);
	return gap;
}

struct gap
subscriber_start(
    struct subscriber *s, const struct start *start, const struct era *era)
{
	struct gap gap = { 0 };

	s->forks = era->forks;
	s->cursor = era->horizon;
	if (start->kind == START_LAST)
		s->cursor = behind_newest(s, start->n, era);
	if (start->kind == START_PENDING)
		return start_pending(s, start, era);
	if (start->kind != START_ID)
		return gap;
	if (!find_id(s, start->id, &s->cursor) ||
	    place_cmp(s->cursor, era->horizon) > 0) {
		/* Not an ID of ours: all that is kept may be new to it. */
		s->cursor = PLACE_ZERO;
		gap.is = true;
	} else if (bus_fork_has(&era->fork, s->cursor)) {
		s->cursor = era->fork.low;
		gap.is = true;
	} else if (place_cmp(s->cursor, era->birth) < 0)
		gap.is = true;
	for (size_t i = 0; i < s->nchannels; i++) {
		const struct channel *ch = s->channels[i].channel;
		struct place to;

		if (channel_log(ch, s->cursor, &to) != NULL) {
			if (say(s, i, lost_on_return(ch, s->cursor, era)))
				gap.is = true;
		} else if (gap.is)
			(void)say(s, i, ch->log.dropped); /* once is enough */
	}
	if (gap.is)
		gap.oldest = oldest_due(s);
	return gap;
}

static void
walk_begin(const struct subscriber *s, struct walk *w, const struct era *era)
{
	w->horizon = era->horizon;
	w->now_ms = era->now_ms;
	w->hole = false;
	w->ahead = s->ahead != NULL ? *s->ahead : PLACE_ZERO;
	w->parked = false;
	for (size_t i = 0; i < s->nchannels; i++) {
		const struct channel *ch = s->channels[i].channel;
		const struct replay *log;
		struct place from = from_in(s, i), to;

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

	for (size_t i = 0; i < s->nchannels; i++)
		if (channel_log(s->channels[i].channel, from_in(s, i), &to) ==
		    NULL) {
			channel_wish(s->channels[i].channel, from_in(s, i));
			parked = true;
		}
	return parked;
}

bool
subscriber_due(const struct subscriber *s, const struct era *era)
{
	struct walk w;

	if (s->forks != era->forks)
		return true;
	for (size_t i = 0; i < s->nchannels; i++)
		if (unsaid(s, i,
			lost_since(s->channels[i].channel, from_in(s, i))))
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

/* History has forked: what is new there may stand before the cursor. */
static bool
has_forked(struct subscriber *s, const struct era *era)
{
	if (s->forks == era->forks)
		return false;
	s->forks = era->forks;
	s->cursor = place_min(s->cursor, era->fresh);
	for (size_t i = 0; s->starts != NULL && i < s->nchannels; i++)
		s->starts[i] = place_min(s->starts[i], era->fresh);
	free(s->said);
	s->said = NULL;
	return true;
}

struct gap
subscriber_walk(struct subscriber *s, struct walk *w, const struct era *era)
{
	struct gap gap = { .is = has_forked(s, era) };

	walk_begin(s, w, era);
	if (w->parked)
		(void)subscriber_parked(s);
	/* Beyond the horizon as well: some of what is lost may be before. */
	for (size_t i = 0; i < s->nchannels; i++)
		if (say(s, i,
			lost_since(s->channels[i].channel, from_in(s, i))))
			gap.is = true;
	if (gap.is)
		gap.oldest = oldest_due(s);
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

		for (size_t i = 0; i < s->nchannels; i++) {
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

	for (size_t i = 0; i < s->nchannels; i++) {
		const struct replay *log = w->logs[i];

		if (place_cmp(log->high, place_max(p, log->dropped)) <= 0)
			continue;
		for (size_t j = replay_after(log, place_max(p, from_in(s, i)));
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

int
subscriber_passed_ahead(struct subscriber *s, const struct message *m)
{
	if (s->ahead == NULL && (s->ahead = malloc(sizeof(*s->ahead))) == NULL)
		return -1;
	*s->ahead = m->place;
	return 0;
}

/* Places of each channel that the cursor has passed are of no more use. */
static void
forget_passed(struct place **places, const struct subscriber *s)
{
	if (*places == NULL)
		return;
	for (size_t i = 0; i < s->nchannels; i++)
		if (place_cmp((*places)[i], s->cursor) > 0)
			return;
	free(*places);
	*places = NULL;
}

void
subscriber_passed(
    struct subscriber *s, const struct walk *w, const struct message *m)
{
	s->cursor = m != NULL ? m->place : place_max(s->cursor, w->horizon);
	if (s->ahead != NULL && place_cmp(s->cursor, *s->ahead) >= 0) {
		free(s->ahead);
		s->ahead = NULL;
	}
	forget_passed(&s->said, s);
	forget_passed(&s->starts, s);
}
