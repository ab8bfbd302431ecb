#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"

void
channel_table_init(struct channel_table *t)
{
	RB_INIT(&t->tree);
	TAILQ_INIT(&t->dirty);
	TAILQ_INIT(&t->wishing);
	RB_INIT(&t->audiences);
	TAILQ_INIT(&t->wishing_back);
	t->paged = false;
}

void
channel_table_clear(struct channel_table *t)
{
	struct channel *ch;

	while ((ch = named_first(&t->tree)) != NULL)
		channel_free(t, ch);
}

struct channel *
channel_find(const struct channel_table *t, struct sse_text name)
{
	return named_find(&t->tree, name);
}

struct channel *
channel_get(struct channel_table *t, struct sse_text name)
{
	struct channel *ch = channel_find(t, name);

	assert(name.len > 0 && name.len <= CHANNEL_MAX);
	if (ch != NULL || (ch = named_new(sizeof(*ch), name)) == NULL)
		return ch;
	replay_init(&ch->log);
	ch->table = t;
	named_insert(&t->tree, &ch->named);
	return ch;
}

static void
drop_raw(struct channel *ch)
{
	for (size_t i = 0; i < ch->nraw; i++)
		message_unref(ch->raw[i]);
	free(ch->raw);
	ch->raw = NULL;
	ch->nraw = ch->raw_cap = 0;
}

void
channel_free(struct channel_table *t, struct channel *ch)
{
	if (ch == NULL)
		return;
	if (ch->dirty)
		TAILQ_REMOVE(&t->dirty, ch, by_dirt);
	if (ch->wishes)
		TAILQ_REMOVE(&t->wishing, ch, by_wish);
	if (ch->wishes_back)
		TAILQ_REMOVE(&t->wishing_back, ch, by_wish_back);
	channel_drop_page(ch);
	named_remove(&t->tree, &ch->named);
	drop_raw(ch);
	replay_clear(&ch->log);
	free(ch->audiences);
	free(ch);
}

void
channel_mark(struct channel_table *t, struct channel *ch)
{
	if (ch->dirty)
		return;
	ch->dirty = true;
	TAILQ_INSERT_TAIL(&t->dirty, ch, by_dirt);
}

static int
publish_raw(struct channel *ch, struct message *m)
{
	if (ch->nraw == ch->raw_cap) {
		size_t cap = ch->raw_cap == 0 ? 4 : ch->raw_cap * 2;
		struct message **raw = reallocarray(ch->raw, cap, sizeof(*raw));

		if (raw == NULL)
			return -1;
		ch->raw = raw;
		ch->raw_cap = cap;
	}
	ch->raw[ch->nraw++] = m;
	return 0;
}

int
channel_publish(struct channel_table *t, struct channel *ch, struct message *m)
{
	int error = place_is_zero(m->place) ? publish_raw(ch, m)
					    : replay_append(&ch->log, m);

	if (error == -1) {
		/*
		 * No later one may come in time to tell of it by its prev; and
		 * the memory of the log is needed.
		 */
		if (!place_is_zero(m->place))
			replay_drop_to(&ch->log, m->place);
		message_unref(m);
	}
	channel_mark(t, ch);
	return error;
}

void
channel_forget(struct channel *ch)
{
	replay_clear(&ch->log);
	channel_drop_page(ch);
	ch->drop_to = PLACE_ZERO;
	ch->attached = false;
}

const struct replay *
channel_log(const struct channel *ch, struct place cursor, struct place *to)
{
	const struct page *p = ch->page;

	*to = PLACE_LAST;
	if (!ch->table->paged || place_cmp(cursor, ch->log.dropped) >= 0)
		return &ch->log;
	if (p == NULL || place_cmp(cursor, p->from) < 0 ||
	    place_cmp(cursor, p->to) >= 0)
		return NULL;
	*to = p->to;
	return &p->log;
}

bool
channel_is_cut(const struct channel *ch)
{
	return ch->table->paged && !place_is_zero(ch->log.dropped) &&
	    ch->log.count < ch->keep;
}

void
channel_wish(struct channel *ch, struct place cursor)
{
	if (ch->asked)
		return; /* whoever still waits then says it again */
	if (!ch->wishes) {
		TAILQ_INSERT_TAIL(&ch->table->wishing, ch, by_wish);
		ch->wish = cursor;
	}
	ch->wishes = true;
	ch->wish = place_min(ch->wish, cursor);
}

struct channel *
channel_next_wish(struct channel_table *t, struct place *after)
{
	struct channel *ch = TAILQ_FIRST(&t->wishing);

	if (ch == NULL)
		return NULL;
	TAILQ_REMOVE(&t->wishing, ch, by_wish);
	ch->wishes = false;
	ch->asked = true;
	*after = ch->wish;
	return ch;
}

void
channel_wish_back(struct channel *ch, struct place top)
{
	if (ch->asked_back)
		return; /* as above */
	if (!ch->wishes_back)
		TAILQ_INSERT_TAIL(&ch->table->wishing_back, ch, by_wish_back);
	/* Who has come last begins above, and takes the others along. */
	ch->wish_back = ch->wishes_back ? place_max(ch->wish_back, top) : top;
	ch->wishes_back = true;
}

struct channel *
channel_next_wish_back(struct channel_table *t, struct place *top)
{
	struct channel *ch = TAILQ_FIRST(&t->wishing_back);

	if (ch == NULL)
		return NULL;
	TAILQ_REMOVE(&t->wishing_back, ch, by_wish_back);
	ch->wishes_back = false;
	ch->asked_back = true;
	*top = ch->wish_back;
	return ch;
}

void
channel_turn_page(struct channel *ch, struct place from, struct place to,
    struct message **messages, size_t n)
{
	struct page *p;

	channel_drop_page(ch);
	ch->asked = false;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return; /* who waits asks again */
	replay_init(&p->log);
	p->from = from;
	p->to = to;
	for (size_t i = 0; i < n; i++) {
		if (replay_append(&p->log, messages[i]) == -1) {
			p->to = i > 0 ? replay_last(&p->log) : from;
			break;
		}
		messages[i] = NULL;
	}
	/* Where nothing is left, what was there is lost. */
	if (n == 0)
		replay_drop_to(&p->log, to);
	ch->page = p;
}

void
channel_drop_page(struct channel *ch)
{
	if (ch->page == NULL)
		return;
	replay_clear(&ch->page->log);
	free(ch->page);
	ch->page = NULL;
}

struct channel *
channel_next_dirty(struct channel_table *t)
{
	struct channel *ch = TAILQ_FIRST(&t->dirty);

	if (ch == NULL)
		return NULL;
	TAILQ_REMOVE(&t->dirty, ch, by_dirt);
	ch->dirty = false;
	return ch;
}

void
channel_served(struct channel *ch, struct place horizon)
{
	struct place p = place_cmp(ch->drop_to, horizon) < 0 ? ch->drop_to
							     : horizon;

	if (ch->raw != NULL)
		drop_raw(ch);
	if (place_cmp(p, ch->log.dropped) > 0)
		replay_drop_to(&ch->log, p);
}

int
channel_join(struct channel *ch, struct audience *a)
{
	if (ch->naudiences == ch->cap) {
		uint32_t cap = ch->cap == 0 ? 1 : ch->cap * 2;
		struct audience **grown = reallocarray(
		    ch->audiences, cap, sizeof(*grown));

		if (grown == NULL)
			return -1;
		ch->audiences = grown;
		ch->cap = cap;
	}
	ch->audiences[ch->naudiences] = a;
	return (int)ch->naudiences++;
}

void
channel_leave(struct channel *ch, uint32_t seat)
{
	uint32_t last = --ch->naudiences;

	if (seat == last)
		return;
	ch->audiences[seat] = ch->audiences[last];
	audience_reseat(ch->audiences[seat], ch, seat);
}

void
channel_each(
    struct channel *ch, void (*fn)(struct subscriber *s, void *arg), void *arg)
{
	/* From the end: what leaves is replaced by one that has been met. */
	for (uint32_t i = ch->naudiences; i-- > 0;)
		audience_each(ch->audiences[i], fn, arg);
}
