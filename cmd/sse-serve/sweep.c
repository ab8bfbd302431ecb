#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "sweep.h"

void
sweep_init(struct sweep *s, int64_t round_ms, int64_t now_ms)
{
	memset(s, 0, sizeof(*s));
	s->round_ms = round_ms;
	s->began_ms = now_ms;
	TAILQ_INIT(&s->hurried);
}

void
sweep_free(struct sweep *s)
{
	for (size_t i = 0; i < SWEEP_SLOTS; i++)
		free(s->slots[i].v);
	sweep_init(s, 0, 0);
}

int
sweep_add(struct sweep *s, struct conn *c, struct sweep_at *at)
{
	struct sweep_slot *slot = &s->slots[s->fill];

	if (slot->n == slot->cap) {
		uint32_t cap = slot->cap == 0 ? 4 : slot->cap * 2;
		struct conn **v = reallocarray(slot->v, cap, sizeof(*v));

		if (v == NULL)
			return -1;
		slot->v = v;
		slot->cap = cap;
	}
	at->slot = s->fill % SWEEP_SLOTS;
	at->index = slot->n & SWEEP_SLOT_MAX;
	slot->v[slot->n++] = c;
	s->fill = (s->fill + 1) % SWEEP_SLOTS;
	s->n++;
	return 0;
}

void
sweep_remove(struct sweep *s, const struct sweep_at *at)
{
	struct sweep_slot *slot = &s->slots[at->slot];
	uint32_t index = at->index; /* at may lie in the one that moves */

	slot->v[index] = slot->v[--slot->n];
	if (index < slot->n)
		conn_sweep_at(slot->v[index])->index = index & SWEEP_SLOT_MAX;
	s->n--;
}

static void
sweep_slot(struct sweep_slot *slot, void (*fn)(struct conn *))
{
	/* From the end: what takes a removed one's place was swept. */
	for (uint32_t i = slot->n; i-- > 0;)
		fn(slot->v[i]);
}

void
sweep_set_time(struct sweep *s, int64_t now_ms)
{
	if (s->round_ms > 0)
		s->now = (uint64_t)((now_ms - s->began_ms) * SWEEP_SLOTS /
		    s->round_ms);
}

uint32_t
sweep_tick(const struct sweep *s)
{
	return (uint32_t)s->now;
}

int64_t
sweep_ticks_ms(const struct sweep *s, uint32_t ticks)
{
	return s->round_ms * ticks / SWEEP_SLOTS;
}

int64_t
sweep_due_ms(const struct sweep *s)
{
	uint64_t tick = s->swept, last = tick + SWEEP_SLOTS;

	if (s->round_ms == 0 || s->n == 0)
		return -1;
	while (++tick < last && s->slots[tick % SWEEP_SLOTS].n == 0)
		;
	/* The first millisecond of that tick. */
	return s->began_ms +
	    ((int64_t)tick * s->round_ms + SWEEP_SLOTS - 1) / SWEEP_SLOTS;
}

void
sweep_due(struct sweep *s, void (*fn)(struct conn *))
{
	/* However late it is: each has one turn. */
	if (s->now - s->swept > SWEEP_SLOTS)
		s->swept = s->now - SWEEP_SLOTS;
	while (s->swept < s->now)
		sweep_slot(&s->slots[++s->swept % SWEEP_SLOTS], fn);
}

void
sweep_all(struct sweep *s, void (*fn)(struct conn *))
{
	for (size_t i = 0; i < SWEEP_SLOTS; i++)
		sweep_slot(&s->slots[i], fn);
}

struct conn *
sweep_step(const struct sweep *s, struct sweep_walk *w)
{
	for (; w->slot < SWEEP_SLOTS; w->slot++) {
		const struct sweep_slot *slot = &s->slots[w->slot];

		/* From the end: what takes a removed one's place was met. */
		if (!w->begun || w->at > slot->n)
			w->at = slot->n;
		w->begun = true;
		if (w->at > 0)
			return slot->v[--w->at];
		w->begun = false;
	}
	return NULL;
}

void
sweep_hurry(struct sweep *s, struct hurry *h, struct conn *c, double at)
{
	if (h->conn != NULL)
		TAILQ_REMOVE(&s->hurried, h, entry);
	h->conn = c;
	h->deadline = at;
	TAILQ_INSERT_TAIL(&s->hurried, h, entry);
}

void
sweep_calm(struct sweep *s, struct hurry *h)
{
	if (h->conn == NULL)
		return;
	TAILQ_REMOVE(&s->hurried, h, entry);
	h->conn = NULL;
}

double
sweep_deadline(const struct sweep *s)
{
	const struct hurry *h = TAILQ_FIRST(&s->hurried);

	return h != NULL ? h->deadline : -1.;
}

struct conn *
sweep_late(struct sweep *s, double now)
{
	struct hurry *h = TAILQ_FIRST(&s->hurried);

	return h != NULL && h->deadline <= now ? h->conn : NULL;
}
