#include <stdlib.h>

#include "bus_append.h"
#include "cargo.h"

struct cargo_stream {
	struct cargo cargo; /* first, so that a cargo is one of these */
	struct bus_append *batch;
};

static struct bus_append *
of(const struct cargo *c)
{
	return ((const struct cargo_stream *)(const void *)c)->batch;
}

static void
stream_free(struct cargo *c)
{
	bus_append_free(of(c));
	free(c);
}

static void
stream_clear(struct cargo *c)
{
	bus_append_clear(of(c));
}

static int
stream_add(struct cargo *c, const struct event *ev, struct sse_text once)
{
	(void)once; /* nothing there remembers it */
	return bus_append_add(of(c), ev);
}

static size_t
stream_count(const struct cargo *c)
{
	return bus_append_count(of(c));
}

static size_t
stream_bytes(const struct cargo *c)
{
	return bus_append_bytes(of(c));
}

static int
stream_set_producer(struct cargo *c, const char *producer, uint64_t number)
{
	return bus_append_set_producer(of(c), producer, number);
}

static int
stream_set_mark(struct cargo *c, const char *relay, struct sse_text from,
    struct sse_text to)
{
	return bus_append_set_mark(of(c), relay, from, to);
}

static int
stream_command(const struct cargo *c, bool by_sha, struct bus_command *command)
{
	return bus_append_command(of(c), by_sha, command);
}

static enum bus_answer
stream_answer(const struct cargo *c, const redisReply *r, struct sse_text *mark)
{
	(void)c;
	return bus_append_answer(r, mark);
}

static const struct cargo_ops ops = {
	.free = stream_free,
	.clear = stream_clear,
	.add = stream_add,
	.count = stream_count,
	.bytes = stream_bytes,
	.set_producer = stream_set_producer,
	.set_mark = stream_set_mark,
	.command = stream_command,
	.answer = stream_answer,
};

struct cargo *
cargo_stream_new(const struct cargo_kind *kind)
{
	struct cargo_stream *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->cargo.ops = &ops;
	if ((c->batch = bus_append_new(kind->bus, kind->key, kind->entries)) ==
	    NULL) {
		free(c);
		return NULL;
	}
	return &c->cargo;
}
