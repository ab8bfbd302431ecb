#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "subscriber_inner.h"

void
subscriber_init(struct subscriber *s, unsigned int show)
{
	memset(s, 0, sizeof(*s));
	s->show = (uint8_t)show;
}

struct aside *
subscriber_aside(struct subscriber *s)
{
	if (s->aside == NULL)
		s->aside = calloc(1, sizeof(*s->aside));
	return s->aside;
}

static void
aside_free(struct subscriber *s)
{
	if (s->aside == NULL)
		return;
	predicate_free(s->aside->predicate);
	free(s->aside->starts);
	free(s->aside->said);
	free(s->aside);
	s->aside = NULL;
}

void
subscriber_clear(struct subscriber *s)
{
	if (s->audience != NULL)
		audience_leave(s);
	aside_free(s);
	subscriber_init(s, 0);
}

int
subscriber_restrict(struct subscriber *s, struct predicate *p)
{
	if (p == NULL)
		return 0;
	if (subscriber_aside(s) == NULL)
		return -1;
	s->aside->predicate = p;
	return 0;
}

int
subscriber_join(struct subscriber *s, struct channel *const *channels, size_t n)
{
	if (n > SUBSCRIBER_CHANNELS_MAX) {
		errno = ENOSPC;
		return -1;
	}
	return n == 0 ? 0 : audience_join(channels, n, s);
}

bool
subscriber_attached(const struct subscriber *s)
{
	for (size_t i = 0; i < subscriber_nchannels(s); i++)
		if (!subscriber_channel(s, i)->attached)
			return false;
	return true;
}

bool
subscriber_wants(
    const struct subscriber *s, const struct message *m, int64_t now_ms)
{
	const struct predicate *p = s->aside != NULL ? s->aside->predicate
						     : NULL;

	return predicate_passes(p, s->show, m, now_ms);
}

struct place
subscriber_from(const struct subscriber *s, size_t i)
{
	if (s->aside == NULL || s->aside->starts == NULL)
		return s->cursor;
	return place_max(s->cursor, s->aside->starts[i]);
}

bool
subscriber_unsaid(const struct subscriber *s, size_t i, struct place lost)
{
	if (place_is_zero(lost))
		return false;
	return s->aside == NULL || s->aside->said == NULL ||
	    place_cmp(lost, s->aside->said[i]) > 0;
}

bool
subscriber_say(struct subscriber *s, size_t i, struct place lost)
{
	struct aside *a;

	if (!subscriber_unsaid(s, i, lost))
		return false;
	if ((a = subscriber_aside(s)) == NULL)
		return true; /* told again rather than never */
	if (a->said == NULL)
		a->said = calloc(s->audience->nchannels, sizeof(*a->said));
	if (a->said != NULL)
		a->said[i] = lost;
	return true;
}

/* What is at hand of ch behind cursor: of a page, or of the log behind that. */
static const struct message *
first_behind(const struct channel *ch, struct place cursor)
{
	struct place to;
	const struct replay *log = channel_log(ch, cursor, &to);
	size_t at = log == NULL ? 0 : replay_after(log, cursor);

	if (log != NULL && at == log->count) {
		log = &ch->log;
		at = replay_after(log, cursor);
	}
	return log != NULL && at < log->count ? replay_at(log, at) : NULL;
}

const struct message *
subscriber_oldest(const struct subscriber *s)
{
	const struct message *oldest = NULL;

	for (size_t i = 0; i < subscriber_nchannels(s); i++) {
		const struct message *m = first_behind(
		    subscriber_channel(s, i), subscriber_from(s, i));

		if (m != NULL &&
		    (oldest == NULL || place_cmp(m->place, oldest->place) < 0))
			oldest = m;
	}
	return oldest;
}

int
subscriber_passed_ahead(struct subscriber *s, const struct message *m)
{
	if (subscriber_aside(s) == NULL)
		return -1;
	s->aside->ahead = m->place;
	return 0;
}

/* Places of each channel that the cursor has passed are of no more use. */
static void
forget_passed(struct place **places, const struct subscriber *s)
{
	if (*places == NULL)
		return;
	for (size_t i = 0; i < subscriber_nchannels(s); i++)
		if (place_cmp((*places)[i], s->cursor) > 0)
			return;
	free(*places);
	*places = NULL;
}

static void
move_to(struct subscriber *s, struct place p)
{
	struct aside *a = s->aside;

	s->moved = s->moved || place_cmp(p, s->cursor) != 0;
	s->cursor = p;
	if (a == NULL)
		return;
	if (place_cmp(p, a->ahead) >= 0)
		a->ahead = PLACE_ZERO;
	forget_passed(&a->said, s);
	forget_passed(&a->starts, s);
	if (a->predicate == NULL && place_is_zero(a->ahead) &&
	    a->said == NULL && a->starts == NULL)
		aside_free(s);
}

void
subscriber_settle(struct subscriber *s, const struct era *era)
{
	move_to(s, place_max(s->cursor, era->horizon));
}

void
subscriber_passed(
    struct subscriber *s, const struct walk *w, const struct message *m)
{
	move_to(s, m != NULL ? m->place : place_max(s->cursor, w->horizon));
}
