#include <err.h>
#include <string.h>

#include "ack.h"
#include "bus_client.h"
#include "hub.h"
#include "marking.h"
#include "recall.h"
#include "redis_async.h"
#include "source_redis.h"
#include "units.h"

static void
done(struct hub *h, struct ack *a)
{
	hub_tell(
	    h, a->worker, &(struct notice){ .what = NOTICE_ACKED, .ack = a });
}

/* As long as anything is kept that the mark is about; 0: for ever. */
static int64_t
age_of(const struct hub *h, const struct ack *a)
{
	int64_t age = 1;

	/* The first of them is broadcast, which is nobody's own. */
	for (size_t i = 1; i < a->who->own.n; i++) {
		int64_t one =
		    retention_of(&h->conf->retentions, a->who->own.v[i]).age_ms;

		if (one == 0)
			return 0;
		age = one > age ? one : age;
	}
	return age;
}

static void
mark_here(struct hub *h, struct ack *a, int64_t age)
{
	int64_t now = clock_unix_ms();

	if (a->who == NULL)
		a->place = marks_get(&h->marks, a->client, now);
	else if (place_cmp(a->place, h->last) > 0)
		a->status = 409;
	else {
		a->place = marks_move(&h->marks, a->client, a->place,
		    age == 0 ? 0 : now + age, now);
		if (place_is_zero(a->place))
			a->status = 503;
	}
	done(h, a);
}

/* Where others have put something else there is no mark. */
static int
refused(struct ack *a, const redisReply *r)
{
	struct hub *h = a->hub;

	if (strncmp(bus_error(r), "WRONGTYPE", 9) != 0)
		return 409;
	h->counters.foreign++;
	if (hush_says(&h->hush, clock_unix_ms()))
		warnx("Redis: what lies in the place of the mark of client "
		      "%.*s is none; passed over",
		    (int)a->client.len, a->client.ptr);
	return a->who == NULL ? 200 : 409;
}

static void
answered(redisAsyncContext *context, void *reply, void *priv)
{
	struct ack *a = priv;

	(void)context;
	if (reply == NULL ||
	    redis_async_elsewhere(source_redis_commands(a->hub->redis), reply))
		a->status = 503;
	else
		switch (bus_client_ack_answer(reply, &a->place)) {
		case BUS_OK:
			break;
		case BUS_REFUSED:
			a->status = refused(a, reply);
			break;
		default:
			a->status = 503;
		}
	done(a->hub, a);
}

static void
mark_in_redis(struct hub *h, struct ack *a, int64_t age)
{
	struct bus_command c = { 0 };

	a->hub = h;
	if (!source_redis_up(h->redis) ||
	    bus_client_ack_command(
		&h->conf->bus, a->client, a->place, age, &c) == -1 ||
	    redis_async_send(
		source_redis_commands(h->redis), answered, a, &c) == -1)
		answered(NULL, NULL, a);
	bus_command_free(&c);
}

static void
mark(struct hub *h, struct ack *a, int64_t age)
{
	if (h->redis == NULL)
		mark_here(h, a, age);
	else
		mark_in_redis(h, a, age);
}

/* It is known which event is meant, unless there is none. */
static void
recalled(struct hub *h, struct ack *a)
{
	if (a->status == 200)
		mark(h, a, age_of(h, a));
	else
		done(h, a);
}

void
marking_hear(struct hub *h, struct ack *a)
{
	if (a->who == NULL)
		mark(h, a, 0);
	else if (place_parse(a->id.ptr, a->id.len, &a->place))
		mark(h, a, age_of(h, a));
	else
		recall_place(h, a, recalled);
}
