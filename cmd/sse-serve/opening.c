#include <stdlib.h>

#include "opening.h"
#include "worker.h"

struct start
opening_start(const struct route *r)
{
	switch (r->start) {
	case ROUTE_AFTER_ID:
		return (struct start){ START_ID, r->last_id, 0 };
	case ROUTE_LAST_N:
		return (struct start){ START_LAST, text_of(NULL),
			(size_t)r->last_n };
	default:
		return (struct start){ START_NOW, text_of(NULL), 0 };
	}
}

static struct predicate *
predicate_of(const struct route *r)
{
	struct predicate *p = calloc(1, sizeof(*p));

	if (p == NULL ||
	    (p->types = calloc(r->ntypes, sizeof(*p->types))) == NULL) {
		predicate_free(p);
		return NULL;
	}
	for (; p->ntypes < r->ntypes; p->ntypes++)
		if ((p->types[p->ntypes] = name_dup(r->types[p->ntypes])).ptr ==
		    NULL) {
			predicate_free(p);
			return NULL;
		}
	return p;
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

struct stream *
opening_stream(struct worker *w, const struct route *r, bool admin, void *owner)
{
	struct identity who = auth_anonymous(admin);
	struct predicate *p = NULL;
	struct stream *s;

	if (r->ntypes > 0 && (p = predicate_of(r)) == NULL)
		return NULL;
	if ((s = stream_new(p, r->show, owner)) == NULL) {
		predicate_free(p);
		return NULL;
	}
	if (join(w, s, who.own, who.nown) == -1 ||
	    join(w, s, r->channels, r->nchannels) == -1) {
		opening_undo(w, s);
		return NULL;
	}
	return s;
}

void
opening_undo(struct worker *w, struct stream *s)
{
	struct channel *left[SUBSCRIBER_CHANNELS_MAX];
	size_t n = 0;

	if (s == NULL)
		return;
	for (size_t i = 0; i < s->sub.nchannels; i++)
		left[n++] = s->sub.channels[i].channel;
	stream_free(s);
	for (size_t i = 0; i < n; i++)
		worker_release(w, left[i]);
}
