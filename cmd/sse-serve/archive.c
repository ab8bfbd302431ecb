#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "mailbox.h"

#define ALLOCATOR_BYTES 16

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
    struct archive *a, size_t max_count, size_t max_bytes, int64_t max_age_ms)
{
	memset(a, 0, sizeof(*a));
	RB_INIT(&a->names);
	RB_INIT(&a->ages);
	RB_INIT(&a->spent);
	TAILQ_INIT(&a->marks);
	a->max_count = max_count;
	a->max_bytes = max_bytes;
	a->max_age_ms = max_age_ms;
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
	return sizeof(*h) + h->named.name.len + ALLOCATOR_BYTES +
	    h->log.cap * sizeof(h->log.ring[0]) + h->log.bytes;
}

/* What changes a history's cost, rank or tree stands between these two. */
static void
take_out(struct archive *a, struct history *h)
{
	if (h->log.count > 0)
		RB_REMOVE(history_ages, &a->ages, h);
	else if (h->followers == 0)
		RB_REMOVE(history_ages, &a->spent, h);
	a->bytes -= history_cost(h);
}

static void
put_back(struct archive *a, struct history *h)
{
	h->rank = h->log.count > 0 ? replay_at(&h->log, 0)->place
				   : h->log.dropped;
	if (h->log.count > 0)
		RB_INSERT(history_ages, &a->ages, h);
	else if (h->followers == 0)
		RB_INSERT(history_ages, &a->spent, h);
	a->bytes += history_cost(h);
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

/* The history that was spent first, but not h; NULL: there is none. */
static struct history *
oldest_spent(struct archive *a, const struct history *h)
{
	struct history *spent = RB_MIN(history_ages, &a->spent);

	return spent == h && h != NULL ? RB_NEXT(history_ages, , spent) : spent;
}

/*
 * Win some bytes: the oldest event goes, or a history that was spent before it.
 * False: nothing may go.
 */
static bool
yield_bytes(struct archive *a, const struct history *h, struct place keep)
{
	struct history *oldest = RB_MIN(history_ages, &a->ages);
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
	while (h->log.count > a->max_count)
		if (!drop_one(a, h, keep))
			goto held;
	while (a->bytes > a->max_bytes)
		if (!yield_bytes(a, h, keep)) {
			if (RB_EMPTY(&a->ages))
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

void
archive_expire(struct archive *a, int64_t now_ms, struct place keep)
{
	struct history *h;
	uint64_t before;

	if (a->max_age_ms == 0 || now_ms <= a->max_age_ms)
		return;
	before = (uint64_t)(now_ms - a->max_age_ms);
	while (
	    (h = RB_MIN(history_ages, &a->ages)) != NULL && h->rank.ms < before)
		if (!drop_one(a, h, keep))
			break;
	while ((h = RB_MIN(history_ages, &a->spent)) != NULL &&
	    h->rank.ms < before)
		archive_remove(a, h);
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

int
history_early(struct history *h, struct message *m)
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
	return 0;
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
