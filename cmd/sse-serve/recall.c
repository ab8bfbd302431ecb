#include <stdlib.h>

#include "ack.h"
#include "hub.h"
#include "recall.h"
#include "redis_async.h"
#include "source_redis.h"

#define PAGE 64 /* events that are read of a log at once */

struct recall {
	struct hub *hub;
	struct ack *ack;
	void (*done)(struct hub *, struct ack *);
	size_t at;          /* the channel that is looked through */
	bool above;         /* what memory has not heard of yet is looked at */
	struct place down;  /* all above this has been */
	struct place floor; /* and from here on down it need not be */
	size_t looked;      /* at so many events of it */
	struct place found; /* zero: nowhere */
};

static struct sse_text
channel_of(const struct recall *r)
{
	return r->ack->who->own.v[r->at];
}

static bool
is_it(const struct recall *r, struct sse_text id)
{
	return id.len == r->ack->id.len &&
	    memcmp(id.ptr, r->ack->id.ptr, id.len) == 0;
}

static void
take(struct recall *r, struct place p)
{
	r->found = place_is_zero(r->found) ? p : place_min(r->found, p);
}

static void
finish(struct recall *r, int status)
{
	struct ack *a = r->ack;

	a->place = r->found;
	a->status = status;
	r->done(r->hub, a);
	free(r);
}

static size_t
kept(const struct recall *r)
{
	return retention_of(&r->hub->conf->retentions, channel_of(r)).count;
}

/* Look at what memory has of the channel.  True: Redis may have more. */
static bool
look_here(struct recall *r)
{
	const struct history *hist = archive_find(
	    &r->hub->archive, channel_of(r));
	const struct message *m = hist == NULL
	    ? NULL
	    : replay_find(&hist->log, r->ack->id);
	bool loaded = hist != NULL && hist->loaded;

	r->looked = 0;
	r->down = PLACE_LAST;
	r->floor = PLACE_ZERO;
	if (m != NULL)
		take(r, m->place);
	if (m != NULL || r->hub->redis == NULL)
		return false;
	if (r->above && loaded)
		r->floor = replay_last(&hist->log);
	else if (loaded)
		r->down = hist->log.dropped;
	if (loaded && !r->above)
		return !place_is_zero(r->down) && hist->log.count < kept(r);
	/* A log that is not loaded was looked through to its top. */
	return loaded || !r->above;
}

static void answered(redisAsyncContext *context, void *reply, void *priv);

static void
ask(struct recall *r)
{
	struct redis_async *link = source_redis_commands(r->hub->redis);
	struct bus_command c = { 0 };

	if (!source_redis_up(r->hub->redis) ||
	    bus_page_back_command(
		&r->hub->conf->bus, channel_of(r), r->down, PAGE, &c) == -1 ||
	    redis_async_send(link, answered, r, &c) == -1)
		finish(r, 503);
	bus_command_free(&c);
}

/* Look on, from the channel at which r stands. */
static void
go_on(struct recall *r)
{
	for (;; r->above = true, r->at = 0) {
		for (; r->at < r->ack->who->own.n; r->at++)
			if (look_here(r)) {
				ask(r);
				return;
			}
		/* The client may have it of another server, sooner than we. */
		if (r->above || !place_is_zero(r->found) ||
		    r->hub->redis == NULL)
			break;
	}
	finish(r, place_is_zero(r->found) ? 404 : 200);
}

/* Look at a page, the newest event first.  True: the next one is of use. */
static bool
look_at_page(struct recall *r, const redisReply *reply, size_t n)
{
	struct place above = r->down;
	struct bus_entry e;

	for (size_t i = 0; i < n; i++) {
		if (bus_page_entry(reply, i, &e) == -1)
			continue;
		if (place_cmp(e.place, r->floor) <= 0)
			return false;
		if (is_it(r, e.ev.id)) {
			take(r, e.place);
			return false;
		}
		r->down = place_before(e.place);
	}
	r->looked += n;
	return n == PAGE && r->looked < kept(r) &&
	    place_cmp(r->down, above) < 0;
}

static void
answered(redisAsyncContext *context, void *reply, void *priv)
{
	struct recall *r = priv;
	enum bus_answer answer;
	size_t n = 0;

	(void)context;
	if (reply == NULL ||
	    redis_async_elsewhere(
		source_redis_commands(r->hub->redis), reply)) {
		finish(r, 503);
		return;
	}
	answer = bus_page_answer(reply, &n);
	if (answer == BUS_BUSY) {
		finish(r, 503);
		return;
	}
	/* What cannot be read holds no event. */
	if (answer != BUS_OK)
		r->hub->counters.foreign++;
	if (look_at_page(r, reply, n)) {
		ask(r);
		return;
	}
	r->at++;
	go_on(r);
}

void
recall_place(
    struct hub *h, struct ack *a, void (*done)(struct hub *h, struct ack *a))
{
	struct recall *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		a->status = 503;
		done(h, a);
		return;
	}
	r->hub = h;
	r->ack = a;
	r->done = done;
	go_on(r);
}
