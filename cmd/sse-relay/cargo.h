/*
 * Cargo: what one batch to Redis consists of: events for channels, or entries
 * for a plain Redis stream.  It is kept whole until it is answered.
 */
#ifndef CARGO_H
#define CARGO_H

#include "bus.h"

struct cargo;

/* As the functions of bus.h, bus_batch_new() and so on. */
struct cargo_ops {
	void (*free)(struct cargo *c);
	void (*clear)(struct cargo *c);
	/* once: a key under which it is published once; or empty. */
	int (*add)(
	    struct cargo *c, const struct event *ev, struct sse_text once);
	size_t (*count)(const struct cargo *c);
	size_t (*bytes)(const struct cargo *c);
	int (*set_producer)(
	    struct cargo *c, const char *producer, uint64_t number);
	int (*set_mark)(struct cargo *c, const char *relay,
	    struct sse_text from, struct sse_text to);
	int (*command)(
	    const struct cargo *c, bool by_sha, struct bus_command *command);
	enum bus_answer (*answer)(
	    const struct cargo *c, const redisReply *r, struct sse_text *mark);
};

struct cargo {
	const struct cargo_ops *ops;
};

/* What makes them, with what it needs for it. */
struct cargo_kind {
	struct cargo *(*make)(const struct cargo_kind *kind);
	const struct bus_conf *bus;
	const char *key;      /* of cargo_stream: the Redis stream's */
	unsigned int entries; /* of cargo_stream: kept there; 0: all */
	size_t batch_events; /* so many are a full batch; 0: BUS_BATCH_EVENTS */
};

/* NULL with ENOMEM. */
struct cargo *cargo_channels_new(const struct cargo_kind *kind);
struct cargo *cargo_stream_new(const struct cargo_kind *kind);

#endif
