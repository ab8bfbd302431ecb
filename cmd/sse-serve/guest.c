#include <stdlib.h>

#include "guest.h"

struct guest *
guest_new(struct ev_loop *loop, const struct identity *id, int64_t now_ms,
    void (*over)(struct ev_loop *, ev_timer *, int), void *arg)
{
	struct guest *g = calloc(1, sizeof(*g));
	double left_s;

	if (g == NULL)
		return NULL;
	g->id = id;
	g->loop = loop;
	ev_init(&g->until, over);
	g->until.data = arg;
	if (id->expires_ms >= 0) {
		left_s = (double)(id->expires_ms - now_ms) / 1000;
		ev_timer_set(&g->until, left_s > 0 ? left_s : 0, 0.);
		ev_timer_start(loop, &g->until);
	}
	return g;
}

void
guest_free(struct guest *g)
{
	if (g == NULL)
		return;
	ev_timer_stop(g->loop, &g->until);
	identity_free(g->id);
	free(g);
}
