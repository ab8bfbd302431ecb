#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

#include "arrival.h"
#include "hub.h"
#include "pages.h"

#define PAGE 64 /* events of a page */

struct page_wish {
	TAILQ_ENTRY(page_wish) entry;
	struct pages *pages;
	unsigned int worker;
	bool back;            /* the newest up to a place, not those behind */
	struct sse_text name; /* owned */
	struct place after;   /* that place */
	struct place up_to;   /* the worker's own log begins behind it */
};

void
pages_init(struct pages *p, struct hub *h, struct redis_async *link)
{
	p->hub = h;
	p->link = link;
	TAILQ_INIT(&p->wishes);
}

static void
wish_free(struct page_wish *w)
{
	free((char *)(uintptr_t)w->name.ptr);
	free(w);
}

void
pages_clear(struct pages *p)
{
	struct page_wish *w, *next;

	TAILQ_FOREACH_SAFE(w, &p->wishes, entry, next)
		wish_free(w);
	TAILQ_INIT(&p->wishes);
}

/*
 * The messages of a page as they come, as far as there is memory; *end is the
 * place of the last entry that was looked at, of whomever it is.
 */
static struct backlog *
messages_of(
    const struct page_wish *w, const redisReply *r, size_t n, struct place *end)
{
	struct backlog *b = backlog_new(n);
	struct bus_entry e;

	*end = PLACE_ZERO;
	for (size_t i = 0; b != NULL && i < n; i++) {
		struct message *m;

		if (bus_page_entry(r, i, &e) == -1)
			continue;
		m = arrival_message(w->pages->hub, &e, w->name);
		if (m == NULL && errno != EINVAL)
			break;
		*end = e.place;
		if (m != NULL)
			b->messages[b->n++] = m;
	}
	return b;
}

/* What is behind the last entry of a full page is in the next one. */
static struct place
end_of(const struct page_wish *w, struct place end, size_t n)
{
	return n == PAGE && !place_is_zero(end) ? end
						: place_max(end, w->up_to);
}

/* Those of a page back come the newest first. */
static struct place
turn(struct backlog *b, struct place end, size_t n)
{
	for (size_t i = 0; i < b->n / 2; i++) {
		struct message *m = b->messages[i];

		b->messages[i] = b->messages[b->n - 1 - i];
		b->messages[b->n - 1 - i] = m;
	}
	return n == PAGE ? end : PLACE_ZERO;
}

static void
answer(struct page_wish *w, const redisReply *r)
{
	struct notice n = { .what = w->back ? NOTICE_BACK : NOTICE_PAGE,
		.place = w->after };
	size_t count = 0;
	struct place end;

	/* One that cannot be read is empty: a gap. */
	if (bus_page_answer(r, &count) != BUS_OK)
		w->pages->hub->counters.foreign++;
	n.name = name_dup(w->name);
	n.backlog = messages_of(w, r, count, &end);
	if (n.name.ptr == NULL || n.backlog == NULL)
		err(EX_SOFTWARE, "a page of a log");
	n.drop = w->back ? turn(n.backlog, end, count) : end_of(w, end, count);
	hub_tell(w->pages->hub, w->worker, &n);
	TAILQ_REMOVE(&w->pages->wishes, w, entry);
	wish_free(w);
}

static void
answered(redisAsyncContext *context, void *reply, void *priv)
{
	struct page_wish *w = priv;
	struct pages *p;

	(void)context;
	if (reply == NULL)
		return; /* it is asked again, or p is gone */
	p = w->pages;
	if (redis_async_elsewhere(p->link, reply))
		return;
	/* What is there is not lost: it is asked again, by the next link. */
	if (bus_answer_of(reply) == BUS_BUSY)
		redis_async_drop(p->link, bus_error(reply));
	else
		answer(w, reply);
}

static void
send_wish(struct page_wish *w)
{
	struct pages *p = w->pages;
	struct bus_command c = { 0 };

	if ((w->back ? bus_page_back_command : bus_page_kept_command)(
		&p->hub->conf->bus, w->name, w->after, PAGE, &c) == 0)
		(void)redis_async_send(p->link, answered, w, &c);
	bus_command_free(&c);
}

void
pages_ask(struct pages *p, const struct notice *n)
{
	struct page_wish *w = calloc(1, sizeof(*w));

	if (w == NULL || (w->name = name_dup(n->name)).ptr == NULL)
		err(EX_SOFTWARE, "a page of a log");
	w->pages = p;
	w->worker = n->worker;
	w->back = n->what == NOTICE_BACK;
	w->after = n->place;
	w->up_to = n->drop;
	TAILQ_INSERT_TAIL(&p->wishes, w, entry);
	send_wish(w);
}

void
pages_again(struct pages *p)
{
	struct page_wish *w;

	TAILQ_FOREACH(w, &p->wishes, entry)
		send_wish(w);
}
