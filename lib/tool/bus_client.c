#include <stdlib.h>
#include <string.h>

#include "bus_args.h"
#include "bus_client.h"

static const char ack_text[] = {
#include "lib/tool/ack.lua.inc"
};
static const struct bus_script ack_script = {
	ack_text,
	sizeof(ack_text),
#include "lib/tool/ack.lua.sha1"
};

static const char presence_text[] = {
#include "lib/tool/presence.lua.inc"
};
static const struct bus_script presence_script = {
	presence_text,
	sizeof(presence_text),
#include "lib/tool/presence.lua.sha1"
};

static const char fleet_text[] = {
#include "lib/tool/fleet.lua.inc"
};
static const struct bus_script fleet_script = {
	fleet_text,
	sizeof(fleet_text),
#include "lib/tool/fleet.lua.sha1"
};

static const struct sse_text nothing = { NULL, 0 };

int
bus_client_ack_command(const struct bus_conf *conf, struct sse_text client,
    struct place place, int64_t age_ms, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };
	char text[PLACE_LEN] = "";

	if (!place_is_zero(place))
		place_format(place, text);
	if (bus_args_script(&a, &ack_script, false) == 0 &&
	    bus_args_text(&a, "2") == 0 &&
	    bus_args_key(&a, conf->prefix, "ack:", client) == 0 &&
	    bus_args_key(&a, conf->prefix, "last", nothing) == 0 &&
	    bus_args_text(&a, text) == 0 &&
	    bus_args_number(&a, (uint64_t)age_ms) == 0)
		return bus_args_command(&a, c);
	bus_args_free(&a);
	return -1;
}

enum bus_answer
bus_client_ack_answer(const redisReply *r, struct place *mark)
{
	enum bus_answer answer = bus_answer_of(r);

	*mark = PLACE_ZERO;
	if (answer == BUS_OK)
		*mark = bus_reply_place(r);
	return answer;
}

static int
add_member(
    struct bus_args *a, enum bus_presence what, const struct bus_member *m)
{
	if (bus_args_add(a, m->id.ptr, m->id.len) == -1 ||
	    bus_args_add(a, m->client.ptr, m->client.len) == -1)
		return -1;
	return what == BUS_JOIN ? bus_args_add(a, m->info.ptr, m->info.len) : 0;
}

/* Where it is said who has come and gone. */
static int
add_log(struct bus_args *a, const char *prefix)
{
	return bus_args_key(a, prefix, "last", nothing) == -1 ||
		bus_args_key(a, prefix, "birth", nothing) == -1 ||
		bus_args_key(a, prefix, "log:", TEXT("presence")) == -1
	    ? -1
	    : 0;
}

int
bus_presence_command(const struct bus_conf *conf, const char *instance,
    int64_t ttl_ms, bool say, enum bus_presence what,
    const struct bus_member *members, size_t n, struct bus_command *c)
{
	static const char *const words[] = { "beat", "join", "leave" };
	struct retention keep = bus_retention(conf, TEXT("presence"));
	struct bus_args a = { .n = 0 };
	int error = bus_args_script(&a, &presence_script, false) == -1 ||
	    bus_args_text(&a, say ? "5" : "2") == -1 ||
	    bus_args_key(&a, conf->prefix, "instances", nothing) == -1 ||
	    bus_args_key(&a, conf->prefix, "conns:", text_of(instance)) == -1 ||
	    (say && add_log(&a, conf->prefix) == -1) ||
	    bus_args_text(&a, instance) == -1 ||
	    bus_args_number(&a, (uint64_t)ttl_ms) == -1 ||
	    bus_args_text(&a, words[what]) == -1 ||
	    bus_args_number(&a, keep.count) == -1 ||
	    bus_args_number(&a, (uint64_t)keep.age_ms) == -1;

	for (size_t i = 0; !error && i < n; i++)
		error = add_member(&a, what, &members[i]) == -1;
	if (!error)
		return bus_args_command(&a, c);
	bus_args_free(&a);
	return -1;
}

enum bus_answer
bus_presence_answer(const redisReply *r, struct bus_present *p)
{
	enum bus_answer answer = bus_answer_of(r);

	if (answer != BUS_OK)
		return answer;
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
	    r->element[0]->type != REDIS_REPLY_INTEGER)
		return BUS_REFUSED;
	p->connections = (size_t)r->element[0]->integer;
	p->fault = bus_reply_text(r->element[1]);
	return BUS_OK;
}

int
bus_fleet_command(const struct bus_conf *conf, const char *instance,
    uint64_t cursor, size_t count, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };

	if (bus_args_script(&a, &fleet_script, false) == 0 &&
	    bus_args_text(&a, "1") == 0 &&
	    bus_args_key(&a, conf->prefix, "instances", nothing) == 0 &&
	    bus_args_text(&a, instance) == 0 &&
	    bus_args_number(&a, cursor) == 0 && bus_args_number(&a, count) == 0)
		return bus_args_command(&a, c);
	bus_args_free(&a);
	return -1;
}

enum bus_answer
bus_fleet_answer(const redisReply *r, struct bus_fleet *f)
{
	enum bus_answer answer = bus_answer_of(r);

	if (answer != BUS_OK)
		return answer;
	if (r->type != REDIS_REPLY_ARRAY || r->elements < 2 ||
	    r->element[1]->type != REDIS_REPLY_STRING)
		return BUS_REFUSED;
	f->n = r->elements - 2;
	f->instance = bus_reply_text(r->element[0]);
	f->cursor = strtoull(r->element[1]->str, NULL, 10);
	return BUS_OK;
}

int
bus_fleet_seat(const redisReply *r, size_t i, struct bus_seat *seat)
{
	const redisReply *e = r->element[i + 2];

	if (e->type != REDIS_REPLY_ARRAY || e->elements != 4)
		return -1;
	seat->instance = bus_reply_text(e->element[0]);
	seat->id = bus_reply_text(e->element[1]);
	seat->client = bus_reply_text(e->element[2]);
	seat->info = bus_reply_text(e->element[3]);
	return 0;
}
