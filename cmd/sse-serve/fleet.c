#include <stdlib.h>

#include "bus_client.h"
#include "fleet.h"
#include "hub.h"
#include "inquiry.h"

/* An inquiry on its way to Redis. */
struct errand {
	struct hub *hub;
	struct redis_async *link;
	struct inquiry *inquiry;
};

static void
give_back(struct hub *h, struct inquiry *q)
{
	hub_tell(h, q->worker,
	    &(struct notice){ .what = NOTICE_INQUIRED, .inquiry = q });
}

/* What a server told of it, and what it is.  NULL: ENOMEM. */
static json_t *
describe(const struct bus_seat *seat)
{
	json_t *info = json_loadb(seat->info.ptr, seat->info.len, 0, NULL);
	json_t *address = json_object_get(info, "address");
	json_int_t since = json_integer_value(json_object_get(info, "since"));
	json_t *all = json_pack("{s:s%, s:s%, s:O?, s:o, s:s%}", "id",
	    seat->id.ptr, seat->id.len, "client", seat->client.ptr,
	    seat->client.len, "address", address, "since", inquiry_time(since),
	    "instance", seat->instance.ptr, seat->instance.len);

	json_decref(info);
	return all;
}

/* A page has come.  -1: it is none, or ENOMEM. */
static int
fill(struct inquiry *q, const redisReply *r)
{
	struct bus_fleet fleet;
	struct bus_seat seat;

	if (bus_fleet_answer(r, &fleet) != BUS_OK)
		return -1;
	for (size_t i = 0; i < fleet.n; i++)
		if (bus_fleet_seat(r, i, &seat) == 0 &&
		    json_array_append_new(q->list, describe(&seat)) == -1)
			return -1;
	inquiry_go_on(q, fleet.instance, fleet.cursor);
	return 0;
}

static void
answered(redisAsyncContext *context, void *reply, void *priv)
{
	struct errand *e = priv;

	(void)context;
	if (reply == NULL || redis_async_elsewhere(e->link, reply))
		e->inquiry->fault = "Redis is awaited";
	else if (fill(e->inquiry, reply) == -1)
		e->inquiry->fault = "Redis does not list them";
	give_back(e->hub, e->inquiry);
	free(e);
}

void
fleet_ask(struct hub *h, struct redis_async *link, struct inquiry *q)
{
	size_t limit = q->what.limit < FLEET_LIMIT_MAX ? q->what.limit
						       : FLEET_LIMIT_MAX;
	struct errand *e = malloc(sizeof(*e));
	struct bus_command c = { 0 };

	if (e == NULL ||
	    bus_fleet_command(&h->conf->bus, q->what.after.instance,
		q->what.after.serial, limit, &c) == -1) {
		q->fault = "out of memory";
		give_back(h, q);
		free(e);
		return;
	}
	*e = (struct errand){ h, link, q };
	if (redis_async_send(link, answered, e, &c) == -1)
		answered(NULL, NULL, e);
	bus_command_free(&c);
}
