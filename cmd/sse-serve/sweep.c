#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "sweep.h"

void
sweep_init(struct sweep *s)
{
	memset(s, 0, sizeof(*s));
	TAILQ_INIT(&s->hurried);
}

void
sweep_free(struct sweep *s)
{
	for (size_t i = 0; i < SWEEP_SLOTS; i++)
		free(s->slots[i].v);
	sweep_init(s);
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
sweep_next(struct sweep *s, void (*fn)(struct conn *))
{
	sweep_slot(&s->slots[s->next], fn);
	s->ticks++;
	s->next = (s->next + 1) % SWEEP_SLOTS;
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

struct conn *
sweep_late(struct sweep *s, double now)
{
	struct hurry *h = TAILQ_FIRST(&s->hurried);

	return h != NULL && h->deadline <= now ? h->conn : NULL;
}
