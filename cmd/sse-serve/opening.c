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

static int
join(struct worker *w, struct stream *s, const struct sse_text *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct channel *ch = worker_channel(w, names[i]);

		if (ch == NULL)
			return -1;
		if (subscriber_join(&s->sub, ch) == -1) {
			worker_release(w, ch);
			return -1;
		}
	}
	return 0;
}

int
opening_stream(struct worker *w, struct stream *s, const struct route *r,
    const struct identity *who)
{
	struct predicate *p;

	if (predicate_new(&p, r->types, r->ntypes, &who->labels) == -1)
		return -1;
	stream_init(s, p, r->show);
	s->no_gaps = w->conf->lag == LAG_CLOSE;
	s->sub.strict = r->strict;
	if (join(w, s, who->own.v, who->own.n) == -1 ||
	    join(w, s, r->channels, r->nchannels) == -1) {
		opening_undo(w, s);
		return -1;
	}
	return 0;
}

void
opening_undo(struct worker *w, struct stream *s)
{
	struct channel *left[SUBSCRIBER_CHANNELS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < s->sub.nchannels; i++)
		left[n++] = s->sub.channels[i].channel;
	stream_clear(s);
	for (size_t i = 0; i < n; i++)
		worker_release(w, left[i]);
}
