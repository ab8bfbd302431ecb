#include <stdlib.h>

#include "marks.h"

struct mark {
	struct named named;
	TAILQ_ENTRY(mark) by_use;
	struct place place;
	int64_t until_ms; /* 0: for ever */
};

void
marks_init(struct marks *m)
{
	RB_INIT(&m->names);
	TAILQ_INIT(&m->by_use);
	m->n = 0;
}

static void
forget(struct marks *m, struct mark *k)
{
	TAILQ_REMOVE(&m->by_use, k, by_use);
	named_remove(&m->names, &k->named);
	m->n--;
	free(k);
}

void
marks_clear(struct marks *m)
{
	struct mark *k;

	while ((k = TAILQ_FIRST(&m->by_use)) != NULL)
		forget(m, k);
}

static bool
is_over(const struct mark *k, int64_t now_ms)
{
	return k->until_ms != 0 && k->until_ms <= now_ms;
}

struct place
marks_get(const struct marks *m, struct sse_text client, int64_t now_ms)
{
	const struct mark *k = named_find(&m->names, client);

	return k == NULL || is_over(k, now_ms) ? PLACE_ZERO : k->place;
}

struct place
marks_move(struct marks *m, struct sse_text client, struct place place,
    int64_t until_ms, int64_t now_ms)
{
	struct mark *k = named_find(&m->names, client), *oldest;

	while ((oldest = TAILQ_FIRST(&m->by_use)) != NULL && oldest != k &&
	    (m->n >= MARKS_MAX || is_over(oldest, now_ms)))
		forget(m, oldest);
	if (k == NULL) {
		if ((k = named_new(sizeof(*k), client)) == NULL)
			return PLACE_ZERO;
		named_insert(&m->names, &k->named);
		m->n++;
	} else {
		if (is_over(k, now_ms))
			k->place = PLACE_ZERO;
		TAILQ_REMOVE(&m->by_use, k, by_use);
	}
	TAILQ_INSERT_TAIL(&m->by_use, k, by_use);
	k->place = place_max(k->place, place);
	k->until_ms = until_ms;
	return k->place;
}
