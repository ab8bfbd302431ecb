#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "cost.h"
#include "mailbox.h"

/* Places are of one event each, so no two ranks but zero are the same. */
static int
age_cmp(struct history *a, struct history *b)
{
	int cmp = place_cmp(a->rank, b->rank);

	return cmp != 0 ? cmp : named_cmp(a->named.name, b->named.name);
}

RB_GENERATE_INTERNAL(
    history_ages, history, by_age, age_cmp, static __attribute__((unused)))

void
archive_init(
    struct archive *a, const struct retentions *retentions, size_t max_bytes)
{
	memset(a, 0, sizeof(*a));
	RB_INIT(&a->names);
	TAILQ_INIT(&a->marks);
	a->retentions = retentions;
	a->nfamilies = 1 + retentions->n;
	for (size_t i = 0; i < a->nfamilies; i++) {
		a->families[i].keep = retention_of_family(retentions, i);
		RB_INIT(&a->families[i].ages);
		RB_INIT(&a->families[i].spent);
	}
	a->max_bytes = max_bytes;
}

void
archive_free(struct archive *a)
{
	struct history *h;

	while ((h = named_first(&a->names)) != NULL)
		archive_remove(a, h);
}

struct history *
archive_find(const struct archive *a, struct sse_text name)
{
	return named_find(&a->names, name);
}

static size_t
history_cost(const struct history *h)
{
	size_t ring = h->log.cap * sizeof(h->log.ring[0]);
	size_t early = h->early_cap * sizeof(h->early[0]);

	return cost_of(sizeof(*h) + h->named.name.len + 1) +
	    (ring > 0 ? cost_of(ring) : 0) + h->log.bytes +
	    (early > 0 ? cost_of(early) : 0) + h->early_bytes;
}

/* What changes a history's cost, rank or tree stands between these two. */
static void
take_out(struct archive *a, struct history *h)
{
	if (h->log.count > 0)
		RB_REMOVE(history_ages, &h->family->ages, h);
	else if (h->followers == 0)
		RB_REMOVE(history_ages, &h->family->spent, h);
	a->bytes -= history_cost(h);
	a->events -= h->log.count;
	a->n--;
}

static void
put_back(struct archive *a, struct history *h)
{
	h->rank = h->log.count > 0 ? replay_at(&h->log, 0)->place
				   : h->log.dropped;
	if (h->log.count > 0)
		RB_INSERT(history_ages, &h->family->ages, h);
	else if (h->followers == 0)
		RB_INSERT(history_ages, &h->family->spent, h);
	a->bytes += history_cost(h);
	a->events += h->log.count;
	a->n++;
}

struct history *
archive_get(struct archive *a, struct sse_text name)
{
	struct history *h = archive_find(a, name);

	if (h != NULL)
		return h;
	if ((h = named_new(sizeof(*h), name)) == NULL)
		return NULL;
	replay_init(&h->log);
	h->family = &a->families[retention_family(a->retentions, name)];
	h->log.dropped = a->forgotten;
	named_insert(&a->names, &h->named);
	put_back(a, h);
	return h;
}

void
archive_remove(struct archive *a, struct history *h)
{
	take_out(a, h);
	named_remove(&a->names, &h->named);
	if (h->marked)
		TAILQ_REMOVE(&a->marks, h, by_mark);
	for (size_t i = 0; i < h->nearly; i++)
		message_unref(h->early[i]);
	free(h->early);
	replay_clear(&h->log);
	if (a->held == h)
		a->held = NULL;
	free(h);
}

static void
mark(struct archive *a, struct history *h)
{
	if (h->marked || h->followers == 0)
		return;
	h->marked = true;
	TAILQ_INSERT_TAIL(&a->marks, h, by_mark);
}

static void
drop_oldest(struct archive *a, struct history *h)
{
	take_out(a, h);
	replay_drop_oldest(&h->log);
	put_back(a, h);
	mark(a, h);
}

void
archive_follow(struct archive *a, struct history *h, unsigned int worker)
{
	take_out(a, h);
	h->followers |= UINT64_C(1) << worker;
	put_back(a, h);
}

void
archive_unfollow(struct archive *a, struct history *h, unsigned int worker)
{
	take_out(a, h);
	h->followers &= ~(UINT64_C(1) << worker);
	put_back(a, h);
	/* Nothing is known of it that a new one would not know. */
	if (h->followers == 0 && h->log.count == 0 &&
	    place_cmp(h->log.dropped, a->forgotten) <= 0)
		archive_remove(a, h);
}

/* Drop the oldest of h, unless there is none or it stands behind keep. */
static bool
drop_one(struct archive *a, struct history *h, struct place keep)
{
	if (h == NULL || h->log.count == 0 ||
	    place_cmp(replay_at(&h->log, 0)->place, keep) > 0)
		return false;
	drop_oldest(a, h);
	return true;
}

static struct history *
older(struct history *a, struct history *b)
{
	if (a == NULL || b == NULL)
		return a == NULL ? b : a;
	return age_cmp(a, b) <= 0 ? a : b;
}

/* The history that holds the oldest event; NULL: none holds any. */
static struct history *
oldest_of_all(struct archive *a)
{
	struct history *oldest = NULL;

	for (size_t i = 0; i < a->nfamilies; i++)
		oldest = older(
		    oldest, RB_MIN(history_ages, &a->families[i].ages));
	return oldest;
}

/* The history that was spent first, but not h; NULL: there is none. */
static struct history *
oldest_spent(struct archive *a, const struct history *h)
{
	struct history *oldest = NULL, *spent;

	for (size_t i = 0; i < a->nfamilies; i++) {
		spent = RB_MIN(history_ages, &a->families[i].spent);
		if (spent == h && h != NULL)
			spent = RB_NEXT(history_ages, , spent);
		oldest = older(oldest, spent);
	}
	return oldest;
}

/*
 * Win some bytes: the oldest event goes, or a history that was spent before it.
 * False: nothing may go.
 */
static bool
yield_bytes(struct archive *a, const struct history *h, struct place keep)
{
	struct history *oldest = oldest_of_all(a);
	struct history *spent = oldest_spent(a, h);

	if (spent == NULL ||
	    (oldest != NULL && place_cmp(oldest->rank, spent->rank) < 0))
		return drop_one(a, oldest, keep);
	a->forgotten = place_max(a->forgotten, spent->log.dropped);
	archive_remove(a, spent);
	return true;
}

int
archive_trim(struct archive *a, struct history *h, struct place keep)
{
	const struct retention *own = &h->family->keep;

	while (h->log.count > own->count ||
	    (own->bytes > 0 && h->log.bytes > own->bytes))
		if (!drop_one(a, h, keep))
			goto held;
	while (a->bytes > a->max_bytes)
		if (!yield_bytes(a, h, keep)) {
			if (oldest_of_all(a) == NULL)
				break;
			goto held;
		}
	if (a->held == h)
		a->held = NULL;
	return 0;
held:
	a->held = h;
	return 1;
}

int
archive_append(
    struct archive *a, struct history *h, struct message *m, struct place keep)
{
	int error;

	take_out(a, h);
	error = replay_append(&h->log, m);
	/* Who comes back is to be told that one is missing. */
	if (error == -1)
		replay_drop_to(&h->log, m->place);
	put_back(a, h);
	if (error == -1) {
		mark(a, h);
		return -1;
	}
	return archive_trim(a, h, keep);
}

void
archive_load(struct archive *a, struct history *h, struct message *m)
{
	static const struct place all = { UINT64_MAX, UINT64_MAX };

	if (archive_append(a, h, m, all) == -1)
		message_unref(m);
}

void
archive_dropped(struct archive *a, struct history *h, struct place p)
{
	take_out(a, h);
	replay_drop_to(&h->log, p);
	put_back(a, h);
}

void
archive_empty(struct archive *a, struct history *h)
{
	take_out(a, h);
	replay_clear(&h->log);
	put_back(a, h);
}

bool
archive_ages(const struct archive *a)
{
	for (size_t i = 0; i < a->nfamilies; i++) {
		const struct family *f = &a->families[i];

		if (f->keep.age_ms > 0 &&
		    (!RB_EMPTY(&f->ages) || !RB_EMPTY(&f->spent)))
			return true;
	}
	return false;
}

static void
expire_family(
    struct archive *a, struct family *f, int64_t now_ms, struct place keep)
{
	struct history *h;
	uint64_t before;

	if (f->keep.age_ms == 0 || now_ms <= f->keep.age_ms)
		return;
	before = (uint64_t)(now_ms - f->keep.age_ms);
	while (
	    (h = RB_MIN(history_ages, &f->ages)) != NULL && h->rank.ms < before)
		if (!drop_one(a, h, keep))
			break;
	while ((h = RB_MIN(history_ages, &f->spent)) != NULL &&
	    h->rank.ms < before)
		archive_remove(a, h);
}

void
archive_expire(struct archive *a, int64_t now_ms, struct place keep)
{
	for (size_t i = 0; i < a->nfamilies; i++)
		expire_family(a, &a->families[i], now_ms, keep);
}

struct history *
archive_next_mark(struct archive *a)
{
	struct history *h = TAILQ_FIRST(&a->marks);

	if (h == NULL)
		return NULL;
	TAILQ_REMOVE(&a->marks, h, by_mark);
	h->marked = false;
	return h;
}

static int
early_add(struct history *h, struct message *m)
{
	if (h->nearly == h->early_cap) {
		size_t cap = h->early_cap == 0 ? 8 : h->early_cap * 2;
		struct message **grown = reallocarray(
		    h->early, cap, sizeof(*grown));

		if (grown == NULL)
			return -1;
		h->early = grown;
		h->early_cap = cap;
	}
	h->early[h->nearly++] = m;
	h->early_bytes += message_cost(m);
	return 0;
}

/* Make room for what was kept early.  False: there is none. */
static bool
make_early_room(struct archive *a, const struct history *h)
{
	static const struct place all = { UINT64_MAX, UINT64_MAX };

	while (a->bytes > a->max_bytes)
		if (!yield_bytes(a, h, all))
			return false;
	return true;
}

int
archive_early(struct archive *a, struct history *h, struct message *m)
{
	int error;

	take_out(a, h);
	error = early_add(h, m);
	put_back(a, h);
	if (error == 0 && make_early_room(a, h))
		return 0;
	take_out(a, h);
	if (error == 0) {
		h->nearly--;
		h->early_bytes -= message_cost(m);
	}
	h->early_lost = place_max(h->early_lost, m->place);
	put_back(a, h);
	return -1;
}

struct early
archive_early_end(struct archive *a, struct history *h)
{
	struct early e = { h->early, h->nearly, h->early_lost };

	take_out(a, h);
	h->early = NULL;
	h->nearly = h->early_cap = h->early_bytes = 0;
	h->early_lost = PLACE_ZERO;
	put_back(a, h);
	return e;
}

struct backlog *
history_backlog(const struct history *h)
{
	struct backlog *b = backlog_new(h->log.count);

	if (b == NULL)
		return NULL;
	for (; b->n < h->log.count; b->n++)
		b->messages[b->n] = message_ref(replay_at(&h->log, b->n));
	return b;
}
