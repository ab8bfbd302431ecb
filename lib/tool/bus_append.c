#include <stdlib.h>
#include <string.h>

#include "bus_append.h"
#include "bus_fields.h"

static const char append_text[] = {
#include "lib/tool/append.lua.inc"
};
static const struct bus_script append = {
	append_text,
	sizeof(append_text),
#include "lib/tool/append.lua.sha1"
};

struct bus_append {
	const struct bus_conf *conf;
	const char *key;
	unsigned int entries;
	struct bus_args events;   /* ARGV */
	struct bus_args producer; /* its hash; its number */
	struct bus_args relay;    /* its mark; from; to */
	size_t count;
};

struct bus_append *
bus_append_new(
    const struct bus_conf *conf, const char *key, unsigned int entries)
{
	struct bus_append *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->conf = conf;
	b->key = key;
	b->entries = entries;
	return b;
}

void
bus_append_free(struct bus_append *b)
{
	if (b == NULL)
		return;
	bus_args_free(&b->events);
	bus_args_free(&b->producer);
	bus_args_free(&b->relay);
	free(b);
}

void
bus_append_clear(struct bus_append *b)
{
	bus_args_cut(&b->events, 0);
	bus_args_cut(&b->producer, 0);
	bus_args_cut(&b->relay, 0);
	b->count = 0;
}

int
bus_append_add(struct bus_append *b, const struct event *ev)
{
	size_t before = b->events.n;
	struct bus_fields f = { .n = 0 };

	if (ev->channel.len > 0)
		bus_fields_add(&f, "channel", ev->channel);
	if (ev->has_id && ev->id.len > 0)
		bus_fields_add(&f, "id", ev->id);
	bus_fields_of(&f, ev);
	if (bus_args_number(&b->events, 2 * f.n) == -1 ||
	    bus_fields_put(&f, &b->events) == -1) {
		bus_args_cut(&b->events, before);
		return -1;
	}
	b->count++;
	return 0;
}

size_t
bus_append_count(const struct bus_append *b)
{
	return b->count;
}

size_t
bus_append_bytes(const struct bus_append *b)
{
	return b->events.mem.len;
}

int
bus_append_set_producer(
    struct bus_append *b, const char *producer, uint64_t number)
{
	return bus_args_producer(
	    &b->producer, b->conf->prefix, producer, number);
}

int
bus_append_set_mark(struct bus_append *b, const char *relay,
    struct sse_text from, struct sse_text to)
{
	return bus_args_mark(&b->relay, b->conf->prefix, relay, from, to);
}

int
bus_append_command(
    const struct bus_append *b, bool by_sha, struct bus_command *c)
{
	struct bus_args own = { .n = 0 };
	size_t keys = 1;

	keys += b->producer.n > 0;
	keys += b->relay.n > 0;
	if (bus_args_script(&own, &append, by_sha) == 0 &&
	    bus_args_number(&own, keys) == 0 &&
	    bus_args_text(&own, b->key) == 0 &&
	    (b->producer.n == 0 || bus_args_nth(&own, &b->producer, 0) == 0) &&
	    (b->relay.n == 0 || bus_args_nth(&own, &b->relay, 0) == 0) &&
	    bus_args_nth(&own, &b->producer, 1) == 0 &&
	    bus_args_number(&own, (uint64_t)b->conf->producer_ms) == 0 &&
	    bus_args_nth(&own, &b->relay, 1) == 0 &&
	    bus_args_nth(&own, &b->relay, 2) == 0 &&
	    bus_args_number(&own, b->entries) == 0)
		return bus_args_join(&own, own.n, NULL, 0, &b->events, c);
	bus_args_free(&own);
	return -1;
}

enum bus_answer
bus_append_answer(const redisReply *r, struct sse_text *mark)
{
	enum bus_answer answer = bus_answer_of(r);
	struct sse_text status;

	if (answer != BUS_OK)
		return answer;
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2)
		return BUS_REFUSED;
	status = bus_reply_text(r->element[0]);
	*mark = bus_reply_text(r->element[1]);
	return text_is(status, "moved") ? BUS_MARK_MOVED : BUS_OK;
}
