#include <stdlib.h>
#include <string.h>

#include "seek.h"

/* How far the log of a channel has been looked through. */
struct reach {
	struct place down; /* all behind this */
	size_t looked;     /* that many events */
	bool end;        /* there is nothing more, or nothing more is needed */
	struct place id; /* START_ID: the newest that bears it; zero: none */
};

struct seek {
	const struct subscriber *sub; /* borrowed */
	struct start start;
	struct era era;       /* when it began */
	struct place *newest; /* START_LAST: a heap, the oldest at its root */
	size_t n, cap;
	bool lost; /* out of memory: it begins with what was found */
	struct reach reach[];
};

bool
seek_needed(const struct subscriber *s, const struct start *start)
{
	struct place p;

	if (start->kind != START_LAST &&
	    (start->kind != START_ID ||
		place_parse(start->id.ptr, start->id.len, &p)))
		return false;
	for (size_t i = 0; i < subscriber_nchannels(s); i++)
		if (channel_is_cut(subscriber_channel(s, i)))
			return true;
	return false;
}

static void
swap(struct place *a, struct place *b)
{
	struct place p = *a;

	*a = *b;
	*b = p;
}

/* The root is the oldest again, when only it may not be. */
static void
sink(struct seek *k)
{
	size_t i = 0, least;

	for (;;) {
		least = i;
		for (size_t j = 2 * i + 1; j <= 2 * i + 2 && j < k->n; j++)
			if (place_cmp(k->newest[j], k->newest[least]) < 0)
				least = j;
		if (least == i)
			return;
		swap(&k->newest[i], &k->newest[least]);
		i = least;
	}
}

static void
rise(struct seek *k)
{
	for (size_t i = k->n - 1; i > 0; i = (i - 1) / 2) {
		if (place_cmp(k->newest[i], k->newest[(i - 1) / 2]) >= 0)
			return;
		swap(&k->newest[i], &k->newest[(i - 1) / 2]);
	}
}

static void
add(struct seek *k, struct place p)
{
	if (k->start.n == 0)
		return;
	if (k->n == k->start.n) {
		if (place_cmp(p, k->newest[0]) <= 0)
			return;
		k->newest[0] = p;
		sink(k);
		return;
	}
	if (k->n == k->cap) {
		size_t cap = k->cap == 0 ? 64 : 2 * k->cap;
		struct place *grown = reallocarray(
		    k->newest, cap, sizeof(*grown));

		if (grown == NULL) {
			k->lost = true;
			return;
		}
		k->newest = grown;
		k->cap = cap;
	}
	k->newest[k->n++] = p;
	rise(k);
}

/* Is m, of channel i, one of those that are looked for? */
static void
look_at(struct seek *k, size_t i, const struct message *m)
{
	struct sse_text id = message_id(m);

	k->reach[i].looked++;
	if (k->start.kind == START_LAST) {
		if (subscriber_wants(k->sub, m, k->era.now_ms))
			add(k, m->place);
	} else if (place_is_zero(k->reach[i].id) && id.len == k->start.id.len &&
	    memcmp(id.ptr, k->start.id.ptr, id.len) == 0)
		k->reach[i].id = m->place;
}

static void
look_at_log(struct seek *k, size_t i)
{
	const struct channel *ch = subscriber_channel(k->sub, i);
	size_t n = replay_after(&ch->log, k->era.horizon);

	while (n-- > 0)
		look_at(k, i, replay_at(&ch->log, n));
	k->reach[i].down = ch->log.dropped;
	k->reach[i].looked = ch->log.count;
	k->reach[i].end = !channel_is_cut(ch);
}

struct seek *
seek_new(const struct subscriber *s, const struct start *start,
    const struct era *era)
{
	struct seek *k = calloc(
	    1, sizeof(*k) + subscriber_nchannels(s) * sizeof(k->reach[0]));

	if (k == NULL)
		return NULL;
	k->sub = s;
	k->start = *start;
	k->era = *era;
	for (size_t i = 0; i < subscriber_nchannels(s); i++)
		look_at_log(k, i);
	return k;
}

void
seek_free(struct seek *k)
{
	if (k == NULL)
		return;
	free(k->newest);
	free(k);
}

void
seek_read(struct seek *k, const struct channel *ch, const struct leaf *leaf)
{
	size_t i = 0;

	while (i < subscriber_nchannels(k->sub) &&
	    subscriber_channel(k->sub, i) != ch)
		i++;
	/* It may have been asked for by one who is further down, or up. */
	if (i == subscriber_nchannels(k->sub) || k->reach[i].end ||
	    place_cmp(k->reach[i].down, leaf->top) > 0 ||
	    place_cmp(k->reach[i].down, leaf->bottom) < 0)
		return;
	for (size_t j = leaf->n; j-- > 0 && k->reach[i].looked < ch->keep;)
		if (place_cmp(leaf->messages[j]->place, k->reach[i].down) <= 0)
			look_at(k, i, leaf->messages[j]);
	k->reach[i].down = place_before(leaf->bottom); /* zero stays zero */
	k->reach[i].end = place_is_zero(leaf->bottom) ||
	    k->reach[i].looked >= ch->keep;
}

/* Is what channel i holds further down of no use? */
static bool
is_through(const struct seek *k, size_t i)
{
	if (k->reach[i].end || k->lost)
		return true;
	if (k->start.kind == START_ID)
		return !place_is_zero(k->reach[i].id);
	return k->n == k->start.n &&
	    (k->n == 0 || place_cmp(k->reach[i].down, k->newest[0]) <= 0);
}

bool
seek_done(struct seek *k)
{
	bool done = true;

	for (size_t i = 0; i < subscriber_nchannels(k->sub); i++)
		if (!is_through(k, i)) {
			channel_wish_back(
			    subscriber_channel(k->sub, i), k->reach[i].down);
			done = false;
		}
	return done;
}

struct place
seek_found(const struct seek *k)
{
	struct place p = PLACE_ZERO;

	if (k->start.kind == START_LAST)
		return k->n == 0 ? k->era.horizon : place_before(k->newest[0]);
	/* Some may come twice then, but none is passed over. */
	for (size_t i = 0; i < subscriber_nchannels(k->sub); i++)
		if (!place_is_zero(k->reach[i].id) &&
		    (place_is_zero(p) || place_cmp(k->reach[i].id, p) < 0))
			p = k->reach[i].id;
	return p;
}
