#include <stdlib.h>

#include "stream.h"
#include "visit.h"

struct visit *
visit_new(uint64_t serial, int64_t now_ms, const struct caller *caller)
{
	struct visit *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->serial = serial;
	v->since_ms = now_ms;
	if (caller == NULL)
		return v;
	v->caller = *caller;
	if ((v->mem = caller_keep(&v->caller)) == NULL) {
		free(v);
		return NULL;
	}
	return v;
}

void
visit_free(struct visit *v)
{
	if (v != NULL)
		free(v->mem);
	free(v);
}

void
visit_delivered(struct visit *v, const struct delivery *d)
{
	if (v == NULL)
		return;
	v->events += d->events;
	v->bytes += d->bytes;
}
