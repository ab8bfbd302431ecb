#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "subscriber.h"

static int
compare(const struct audience *a, struct channel *const *channels, size_t n)
{
	if (a->nchannels != n)
		return a->nchannels < n ? -1 : 1;
	return memcmp(a->channels, channels, n * sizeof(*channels));
}

static int
node_cmp(struct audience *a, struct audience *b)
{
	return compare(a, b->channels, b->nchannels);
}

RB_GENERATE_INTERNAL(audience_tree, audience, by_channels, node_cmp,
    static __attribute__((unused)))

static struct audience *
find(const struct audience_tree *t, struct channel *const *channels, size_t n)
{
	struct audience *a = RB_ROOT(t);
	int cmp;

	while (a != NULL && (cmp = compare(a, channels, n)) != 0)
		a = cmp > 0 ? RB_LEFT(a, by_channels)
			    : RB_RIGHT(a, by_channels);
	return a;
}

/* Nobody is left: leave the first n channels, which it has joined. */
static void
dissolve(struct audience *a, size_t n)
{
	while (n-- > 0)
		channel_leave(a->channels[n], a->seats[n]);
	free(a->subscribers);
	free(a);
}

static struct audience *
gather(struct channel *const *channels, size_t n)
{
	struct audience *a = calloc(
	    1, sizeof(*a) + n * (sizeof(*channels) + sizeof(*a->seats)));
	int seat;

	if (a == NULL)
		return NULL;
	a->nchannels = n;
	a->seats = (uint32_t *)(void *)&a->channels[n];
	memcpy(a->channels, channels, n * sizeof(*channels));
	for (size_t i = 0; i < n; i++) {
		if ((seat = channel_join(channels[i], a)) == -1) {
			dissolve(a, i);
			return NULL;
		}
		a->seats[i] = (uint32_t)seat;
	}
	RB_INSERT(audience_tree, &channels[0]->table->audiences, a);
	return a;
}

static void
leave_if_empty(struct audience *a)
{
	if (a->nsubscribers > 0)
		return;
	RB_REMOVE(audience_tree, &a->channels[0]->table->audiences, a);
	dissolve(a, a->nchannels);
}

static int
make_room(struct audience *a)
{
	uint32_t cap = a->cap == 0 ? 1 : a->cap * 2;
	struct subscriber **grown;

	if (a->nsubscribers < a->cap)
		return 0;
	grown = reallocarray(a->subscribers, cap, sizeof(*grown));
	if (grown == NULL)
		return -1;
	a->subscribers = grown;
	a->cap = cap;
	return 0;
}

int
audience_join(struct channel *const *channels, size_t n, struct subscriber *s)
{
	struct audience *a = find(&channels[0]->table->audiences, channels, n);

	if (a == NULL && (a = gather(channels, n)) == NULL)
		return -1;
	if (make_room(a) == -1) {
		leave_if_empty(a);
		return -1;
	}
	s->audience = a;
	s->seat = a->nsubscribers;
	a->subscribers[a->nsubscribers++] = s;
	return 0;
}

void
audience_leave(struct subscriber *s)
{
	struct audience *a = s->audience;
	struct subscriber *last = a->subscribers[--a->nsubscribers];

	a->subscribers[s->seat] = last;
	last->seat = s->seat;
	s->audience = NULL;
	leave_if_empty(a);
}

void
audience_reseat(struct audience *a, const struct channel *ch, uint32_t seat)
{
	for (size_t i = 0; i < a->nchannels; i++)
		if (a->channels[i] == ch)
			a->seats[i] = seat;
}

void
audience_each(
    struct audience *a, void (*fn)(struct subscriber *s, void *arg), void *arg)
{
	/* From the end: who leaves is replaced by one that has been met. */
	for (uint32_t i = a->nsubscribers; i-- > 0;)
		fn(a->subscribers[i], arg);
}
