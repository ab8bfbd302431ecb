#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "hub.h"
#include "inquiry.h"
#include "post.h"
#include "journal.h"
#include "source_redis.h"
#include "stream.h"
#include "survey.h"
#include "visit.h"
#include "worker.h"

/* Streams of this worker, to be put into order. */
struct list {
	struct conn_view *v;
	size_t n, cap;
};

static int
list_add(struct list *l, const struct conn_view *view)
{
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 64 : l->cap * 2;
		struct conn_view *v = reallocarray(l->v, cap, sizeof(*v));

		if (v == NULL)
			return -1;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *view;
	return 0;
}

static int
by_id(const void *a, const void *b)
{
	const struct conn_view *x = a, *y = b;

	return conn_id_before(&y->id, &x->id) - conn_id_before(&x->id, &y->id);
}

/* Call fn for all streams. */
static void
each(struct worker *w, struct inquiry *q, void *arg,
    void (*fn)(struct worker *, struct inquiry *, struct conn *,
	const struct conn_view *, void *))
{
	struct conn_view view;

	for (size_t i = 0; i < SWEEP_SLOTS; i++)
		for (uint32_t j = w->sweep.slots[i].n; j-- > 0;) {
			struct conn *c = w->sweep.slots[i].v[j];

			if (conn_look(c, &view))
				fn(w, q, c, &view, arg);
		}
}

static void
measure(struct worker *w, struct inquiry *q, struct conn *c,
    const struct conn_view *view, void *arg)
{
	int64_t lag_ms;

	(void)c;
	(void)arg;
	if (!stream_blocked(view->stream))
		return;
	q->sum.stalled_now++;
	lag_ms = stream_lag_ms(view->stream, &w->era);
	if (lag_ms > q->lag_max_ms)
		q->lag_max_ms = lag_ms;
}

static void
gather(struct worker *w, struct inquiry *q, struct conn *c,
    const struct conn_view *view, void *arg)
{
	(void)w;
	(void)c;
	/* Without memory the page is short, and says that there is more. */
	if (conn_id_before(&q->what.after, &view->id) &&
	    list_add(arg, view) == -1)
		q->more = true;
}

static json_t *
json_client(struct sse_text id)
{
	return id.len == 0 ? json_null() : json_stringn(id.ptr, id.len);
}

static json_t *
describe(const struct worker *w, const struct conn_view *view)
{
	char id[CONN_ID_LEN], addr[ADDR_LEN];
	const struct visit *v = view->visit;

	conn_id_format(&view->id, id);
	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:I, s:I, s:f, s:s}", "id",
	    id, "client", json_client(view->client), "address",
	    addr_format(view->addr, addr), "channels",
	    stream_channels(view->stream), "since", inquiry_time(v->since_ms),
	    "events", (json_int_t)v->events, "bytes", (json_int_t)v->bytes,
	    "lag", (double)stream_lag_ms(view->stream, &w->era) / 1000,
	    "instance", view->id.instance);
}

static void
list_connections(struct worker *w, struct inquiry *q)
{
	struct list l = { NULL, 0, 0 };

	each(w, q, &l, gather);
	if (l.n > 0)
		qsort(l.v, l.n, sizeof(*l.v), by_id);
	for (size_t i = 0; i < l.n; i++) {
		if (json_array_size(q->list) == q->what.limit ||
		    json_array_append_new(q->list, describe(w, &l.v[i])) ==
			-1) {
			q->more = true;
			break;
		}
	}
	free(l.v);
}

static bool
is_own(struct sse_text whose, struct sse_text client)
{
	return client.len > 0 && whose.len == client.len &&
	    memcmp(whose.ptr, client.ptr, client.len) == 0;
}

static void
end_one(struct worker *w, struct inquiry *q, struct conn *c,
    const struct conn_view *view, void *arg)
{
	(void)w;
	(void)arg;
	if (view->id.serial != q->what.id.serial ||
	    strcmp(view->id.instance, q->what.id.instance) != 0)
		return;
	/* That there is another's is nobody's business. */
	if (!q->admin && !is_own(view->client, q->client))
		return;
	q->found = true;
	conn_dismiss(c);
}

void
survey_worker(struct worker *w, struct inquiry *q)
{
	(void)worker_era(w);
	switch (q->what.what) {
	case INSPECT_METRICS:
		counters_add(&q->sum, &w->counters);
		q->sum.connections_now += w->sweep.n;
		q->sum.access_lost += w->witness.lines.lost;
		each(w, q, NULL, measure);
		break;
	case INSPECT_CONNECTIONS:
		list_connections(w, q);
		break;
	case INSPECT_END:
		if (q->what.id.worker == w->id)
			each(w, q, NULL, end_one);
		break;
	default:
		break;
	}
}

/* Why it cannot serve; NULL: it can. */
static const char *
unready(const struct hub *h)
{
	if (h->shutdown.stopping)
		return "it is being stopped";
	if (h->journal != NULL && journal_trouble(h->journal) != NULL)
		return journal_trouble(h->journal);
	if (h->redis != NULL && !source_redis_up(h->redis))
		return "Redis is awaited";
	return NULL;
}

void
survey_hub(struct hub *h, struct inquiry *q)
{
	struct counters c = h->counters;

	c.channels_now = h->archive.n;
	c.log_events = h->archive.events;
	c.log_bytes = h->archive.bytes;
	c.redis_up = h->redis != NULL && source_redis_up(h->redis);
	counters_add(&q->sum, &c);
	q->unready = unready(h);
}

/* One event of a post, and whom of those here it reaches. */
struct reach {
	const struct message *message;
	int64_t now_ms;
	uint64_t reached;
};

static void
count_reached(struct subscriber *s, void *arg)
{
	struct reach *r = arg;

	r->reached += subscriber_wants(s, r->message, r->now_ms);
}

void
survey_post(struct worker *w, struct post *p)
{
	const struct place any = { 1, 0 };
	struct sse_buf scratch = { NULL, 0, 0 };
	struct reach r = { .now_ms = worker_era(w)->now_ms };

	for (size_t i = 0; i < p->n; i++) {
		struct channel *ch = channel_find(
		    &w->channels, p->events[i]->channel);
		struct message *m;

		if (ch == NULL || ch->naudiences == 0)
			continue;
		m = message_new(&scratch, p->events[i], any, PLACE_ZERO);
		if (m == NULL)
			continue;
		r.message = m;
		r.reached = 0;
		channel_each(ch, count_reached, &r);
		p->reached[i] += r.reached;
		message_unref(m);
	}
	sse_buf_free(&scratch);
}
