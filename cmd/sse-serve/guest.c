#include <stdlib.h>

#include "guest.h"

static int
by_end(struct guest *a, struct guest *b)
{
	if (a->id->expires_ms != b->id->expires_ms)
		return a->id->expires_ms < b->id->expires_ms ? -1 : 1;
	return (a > b) - (a < b);
}

RB_GENERATE_INTERNAL(
    guests, guest, by_end, by_end, static __attribute__((unused)))

struct guest *
guest_new(struct guests *all, const struct identity *id, struct conn *conn)
{
	struct guest *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->id = id;
	g->conn = conn;
	if (id->expires_ms >= 0)
		RB_INSERT(guests, all, g);
	return g;
}

void
guest_free(struct guests *all, struct guest *g)
{
	if (g == NULL)
		return;
	if (g->id->expires_ms >= 0)
		RB_REMOVE(guests, all, g);
	identity_free(g->id);
	free(g);
}

static struct guest *
first(const struct guests *all)
{
	struct guest *g = RB_ROOT(all);

	while (g != NULL && RB_LEFT(g, by_end) != NULL)
		g = RB_LEFT(g, by_end);
	return g;
}

int64_t
guests_end_ms(const struct guests *all)
{
	const struct guest *g = first(all);

	return g == NULL ? -1 : g->id->expires_ms;
}

struct conn *
guests_over(const struct guests *all, int64_t now_ms)
{
	const struct guest *g = first(all);

	return g != NULL && g->id->expires_ms <= now_ms ? g->conn : NULL;
}
