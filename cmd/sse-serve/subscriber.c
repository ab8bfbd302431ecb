#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "subscriber.h"

void
predicate_free(struct predicate *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->ntypes; i++)
		free((char *)(uintptr_t)p->types[i].ptr);
	free(p->types);
	free(p);
}

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
	struct sse_text type = message_type(m);

	if (m->expires_ms >= 0 && m->expires_ms <= now_ms)
		return false;
	/* Nobody bears labels; who may see all fields may see it. */
	if (m->has_match && !(s->show & SHOW_ROUTING))
		return false;
	if (s->predicate == NULL)
		return true;
	if (type.len == 0)
		type = TEXT("message");
	for (size_t i = 0; i < s->predicate->ntypes; i++) {
		struct sse_text t = s->predicate->types[i];

		if (t.len == type.len && memcmp(t.ptr, type.ptr, t.len) == 0)
			return true;
	}
	return false;
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

/* What retention no longer vouches for, seen from at_ms. */
static struct place
vouched_from(const struct era *era, int64_t at_ms)
{
	struct place aged = PLACE_ZERO;

	if (era->age_ms > 0 && at_ms > era->age_ms)
		aged.ms = (uint64_t)(at_ms - era->age_ms);
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
			lost = vouched_from(era, (int64_t)m->place.ms);
	} else if (ch->log.count > 0) {
		return PLACE_ZERO;
	} else if (place_is_zero(lost)) {
		lost = vouched_from(era, era->now_ms);
	}
	return place_cmp(lost, cursor) > 0 ? lost : PLACE_ZERO;
}

/* The same for one who was here all the time. */
static struct place
lost_since(const struct channel *ch, struct place cursor)
{
	size_t i = replay_after(&ch->log, cursor);
	struct place lost = i < ch->log.count ? replay_at(&ch->log, i)->prev
					      : ch->log.dropped;

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
		const struct replay *log = &s->channels[i].channel->log;
		size_t at = replay_after(log, s->cursor);

		if (at < log->count &&
		    (oldest == NULL ||
			place_cmp(replay_at(log, at)->place, oldest->place) <
			    0))
			oldest = replay_at(log, at);
	}
	return oldest;
}

struct gap
subscriber_start(
    struct subscriber *s, const struct start *start, const struct era *era)
{
	struct gap gap = { 0 };

	s->cursor = era->horizon;
	if (start->kind == START_LAST)
		s->cursor = behind_newest(s, start->n, era);
	if (start->kind != START_ID)
		return gap;
	if (!find_id(s, start->id, &s->cursor) ||
	    place_cmp(s->cursor, era->horizon) > 0) {
		/* Not an ID of ours: all that is kept may be new to it. */
		s->cursor = PLACE_ZERO;
		gap.is = true;
	} else if (place_cmp(s->cursor, era->birth) < 0)
		gap.is = true;
	for (size_t i = 0; i < s->nchannels; i++) {
		if (say(s, i,
			lost_on_return(s->channels[i].channel, s->cursor, era)))
			gap.is = true;
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
	for (size_t i = 0; i < s->nchannels; i++)
		w->next[i] = replay_after(
		    &s->channels[i].channel->log, s->cursor);
}

bool
subscriber_due(const struct subscriber *s, const struct era *era)
{
	struct walk w;

	for (size_t i = 0; i < s->nchannels; i++)
		if (unsaid(s, i, lost_since(s->channels[i].channel, s->cursor)))
			return true;
	walk_begin(s, &w, era);
	return subscriber_next(s, &w) != NULL || w.hole;
}

struct gap
subscriber_walk(struct subscriber *s, struct walk *w, const struct era *era)
{
	struct gap gap = { 0 };

	walk_begin(s, w, era);
	/* Beyond the horizon as well: some of what is lost may be before. */
	for (size_t i = 0; i < s->nchannels; i++)
		if (say(s, i, lost_since(s->channels[i].channel, s->cursor)))
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
step(const struct subscriber *s, struct walk *w, size_t i)
{
	const struct replay *log = &s->channels[i].channel->log;
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
			const struct replay *log = &s->channels[i].channel->log;
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
		step(s, w, from);
		if (subscriber_wants(s, first, w->now_ms))
			return first;
	}
}

void
subscriber_passed(
    struct subscriber *s, const struct walk *w, const struct message *m)
{
	s->cursor = m != NULL ? m->place : place_max(s->cursor, w->horizon);
	if (s->said == NULL)
		return;
	for (size_t i = 0; i < s->nchannels; i++)
		if (place_cmp(s->said[i], s->cursor) > 0)
			return;
	free(s->said);
	s->said = NULL;
}
