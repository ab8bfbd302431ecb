#include <stdlib.h>

#include "round.h"

#define OVER_COUNT 256 /* logs may hold more than the count */

struct round *
round_new(struct round_list *list, struct attach *a, int worker)
{
	struct round *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->attach = a;
	r->worker = worker;
	TAILQ_INSERT_TAIL(list, r, entry);
	return r;
}

void
round_list_clear(struct round_list *list)
{
	struct round *r, *next;

	TAILQ_FOREACH_SAFE(r, list, entry, next)
		free(r);
	TAILQ_INIT(list);
}

void
round_fill(struct round *r, struct topic_list *subscribed)
{
	struct topic *t = TAILQ_FIRST(subscribed);
	bool resumed = t != NULL && t->resumed;

	while ((t = TAILQ_FIRST(subscribed)) != NULL && r->n < ROUND_TOPICS &&
	    t->resumed == resumed) {
		TAILQ_REMOVE(subscribed, t, by_stage);
		t->stage = TOPIC_LOADING;
		r->topics[r->n++] = t;
	}
}

void
round_send(struct round *r, struct redis_async *link,
    const struct bus_conf *conf, const char *marker, struct place after,
    redisCallbackFn *fn)
{
	struct sse_text names[ROUND_TOPICS];
	struct bus_command c = { 0 };
	size_t count = r->n == 0 ? conf->log_count : 0;

	for (size_t i = 0; i < r->n; i++) {
		names[i] = r->topics[i]->named.name;
		if (bus_retention(conf, names[i]).count > count)
			count = bus_retention(conf, names[i]).count;
	}
	if (!place_is_zero(after))
		count += OVER_COUNT;
	/* By its text: it is small, and never unknown. */
	if (bus_attach_command(conf, marker, names, r->n, after,
		(unsigned int)count, false, &c) == 0)
		(void)redis_async_send(link, fn, r, &c);
	bus_command_free(&c);
}

void
round_list_forget(struct round_list *list, const struct topic *t)
{
	struct round *r;

	TAILQ_FOREACH(r, list, entry)
		for (size_t i = 0; i < r->n; i++)
			if (r->topics[i] == t)
				r->topics[i] = NULL;
}

void
round_list_reset(struct round_list *list)
{
	struct round *r, *next;

	TAILQ_FOREACH_SAFE(r, list, entry, next) {
		r->replied = false;
		if (r->worker >= 0)
			continue;
		TAILQ_REMOVE(list, r, entry);
		free(r);
	}
}
