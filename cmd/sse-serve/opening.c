#include <stdlib.h>

#include "opening.h"
#include "worker.h"

struct start
opening_start(const struct route *r)
{
	switch (r->start) {
	case ROUTE_AFTER_ID:
		return (struct start){ .kind = START_ID, .id = r->last_id };
	case ROUTE_LAST_N:
		return (
		    struct start){ .kind = START_LAST, .n = (size_t)r->last_n };
	default:
		return (struct start){ .kind = START_NOW };
	}
}

struct start
opening_pending(
    enum pending pending, const struct identity *who, struct place mark)
{
	/* opening_stream() joins what is its own first: broadcast, client:ID
	 * and then the groups. */
	return (struct start){ .kind = START_PENDING,
		.mark = mark,
		.from = 1,
		.to = pending == PENDING_ALL ? who->own.n : 2 };
}

/* The channels that a stream is to read, each once. */
struct wanted {
	struct channel *v[SUBSCRIBER_CHANNELS_MAX];
	size_t n;
};

static bool
has(const struct wanted *c, const struct channel *ch)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i] == ch)
			return true;
	return false;
}

static int
want(struct wanted *c, struct worker *w, const struct sse_text *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct channel *ch = worker_channel(w, names[i]);

		if (ch == NULL)
			return -1;
		if (has(c, ch))
			continue;
		if (c->n == SUBSCRIBER_CHANNELS_MAX) {
			worker_release(w, ch);
			return -1;
		}
		c->v[c->n++] = ch;
	}
	return 0;
}

/* Those of them that nobody reads are not wanted any more. */
static void
release(struct wanted *c, struct worker *w)
{
	for (size_t i = 0; i < c->n; i++)
		worker_release(w, c->v[i]);
}

int
opening_stream(struct worker *w, struct stream *s, const struct route *r,
    const struct identity *who)
{
	struct wanted c = { .n = 0 };
	struct predicate *p;

	if (predicate_new(&p, r->types, r->ntypes, &who->labels) == -1)
		return -1;
	stream_init(s, r->show);
	if (subscriber_restrict(&s->sub, p) == -1) {
		predicate_free(p);
		return -1;
	}
	s->no_gaps = w->conf->lag == LAG_CLOSE;
	s->sub.strict = r->strict;
	if (want(&c, w, who->own.v, who->own.n) == -1 ||
	    want(&c, w, r->channels, r->nchannels) == -1 ||
	    subscriber_join(&s->sub, c.v, c.n) == -1) {
		stream_clear(s);
		release(&c, w);
		return -1;
	}
	return 0;
}

void
opening_undo(struct worker *w, struct stream *s)
{
	struct wanted c = { .n = subscriber_nchannels(&s->sub) };

	for (size_t i = 0; i < c.n; i++)
		c.v[i] = subscriber_channel(&s->sub, i);
	stream_clear(s);
	release(&c, w);
}
