#include <stdlib.h>

#include "cargo.h"

struct cargo_channels {
	struct cargo cargo; /* first, so that a cargo is one of these */
	struct bus_batch *batch;
};

static struct bus_batch *
of(const struct cargo *c)
{
	return ((const struct cargo_channels *)(const void *)c)->batch;
}

static void
channels_free(struct cargo *c)
{
	bus_batch_free(of(c));
	free(c);
}

static void
channels_clear(struct cargo *c)
{
	bus_batch_clear(of(c));
}

static int
channels_add(struct cargo *c, const struct event *ev, struct sse_text once)
{
	return bus_batch_add(of(c), ev, once);
}

static size_t
channels_count(const struct cargo *c)
{
	return bus_batch_count(of(c));
}

static size_t
channels_bytes(const struct cargo *c)
{
	return bus_batch_bytes(of(c));
}

static int
channels_set_producer(struct cargo *c, const char *producer, uint64_t number)
{
	return bus_batch_set_producer(of(c), producer, number);
}

static int
channels_set_mark(struct cargo *c, const char *relay, struct sse_text from,
    struct sse_text to)
{
	return bus_batch_set_mark(of(c), relay, from, to);
}

static int
channels_command(
    const struct cargo *c, bool by_sha, struct bus_command *command)
{
	return bus_batch_command(of(c), by_sha, command);
}

static enum bus_answer
channels_answer(
    const struct cargo *c, const redisReply *r, struct sse_text *mark)
{
	return bus_batch_answer(of(c), r, NULL, mark);
}

static const struct cargo_ops ops = {
	.free = channels_free,
	.clear = channels_clear,
	.add = channels_add,
	.count = channels_count,
	.bytes = channels_bytes,
	.set_producer = channels_set_producer,
	.set_mark = channels_set_mark,
	.command = channels_command,
	.answer = channels_answer,
};

struct cargo *
cargo_channels_new(const struct cargo_kind *kind)
{
	struct cargo_channels *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->cargo.ops = &ops;
	if ((c->batch = bus_batch_new(kind->bus)) == NULL) {
		free(c);
		return NULL;
	}
	return &c->cargo;
}
