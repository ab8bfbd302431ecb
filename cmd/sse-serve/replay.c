#include <stdlib.h>
#include <string.h>

#include "replay.h"

#define CAP_FIRST 4

void
replay_init(struct replay *r)
{
	memset(r, 0, sizeof(*r));
}

void
replay_clear(struct replay *r)
{
	for (size_t i = 0; i < r->count; i++)
		message_unref(replay_at(r, i));
	free(r->ring);
	replay_init(r);
}

static int
resize(struct replay *r, size_t cap)
{
	struct message **ring = reallocarray(NULL, cap, sizeof(*ring));

	if (ring == NULL)
		return -1;
	for (size_t i = 0; i < r->count; i++)
		ring[i] = replay_at(r, i);
	free(r->ring);
	r->ring = ring;
	r->cap = cap;
	r->head = 0;
	return 0;
}

/* A log that was long once must not cost for good as if it still were. */
static void
shrink(struct replay *r)
{
	if (r->count == 0) {
		free(r->ring);
		r->ring = NULL;
		r->cap = r->head = 0;
	} else if (r->cap > CAP_FIRST && r->count <= r->cap / 4)
		(void)resize(r, r->cap / 2);
}

int
replay_append(struct replay *r, struct message *m)
{
	if (place_cmp(m->place, replay_last(r)) <= 0) {
		message_unref(m);
		return 0;
	}
	if (r->count == r->cap &&
	    resize(r, r->cap == 0 ? CAP_FIRST : r->cap * 2) == -1)
		return -1;
	r->ring[(r->head + r->count++) & (r->cap - 1)] = m;
	r->bytes += message_cost(m);
	if (m->ahead_len > 0)
		r->high = m->place;
	return 0;
}

void
replay_drop_oldest(struct replay *r)
{
	struct message *m;

	if (r->count == 0)
		return;
	m = replay_at(r, 0);
	r->head = (r->head + 1) & (r->cap - 1);
	r->count--;
	r->bytes -= message_cost(m);
	r->dropped = m->place;
	message_unref(m);
	shrink(r);
}

void
replay_drop_to(struct replay *r, struct place p)
{
	while (r->count > 0 && place_cmp(replay_at(r, 0)->place, p) <= 0)
		replay_drop_oldest(r);
	r->dropped = place_max(r->dropped, p);
}

size_t
replay_after(const struct replay *r, struct place p)
{
	size_t low = 0, high = r->count;

	/* Most readers stand at the end, or one event before it. */
	if (high == 0 || place_cmp(replay_at(r, high - 1)->place, p) <= 0)
		return high;
	if (high == 1 || place_cmp(replay_at(r, high - 2)->place, p) <= 0)
		return high - 1;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (place_cmp(replay_at(r, mid)->place, p) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct message *
replay_find(const struct replay *r, struct sse_text id)
{
	for (size_t i = r->count; i-- > 0;) {
		const struct message *m = replay_at(r, i);

		if (m->id_len == id.len &&
		    memcmp(message_id(m).ptr, id.ptr, id.len) == 0)
			return m;
	}
	return NULL;
}

struct place
replay_last(const struct replay *r)
{
	return r->count > 0 ? replay_at(r, r->count - 1)->place : r->dropped;
}
