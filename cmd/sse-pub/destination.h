/*
 * Where the command line says that events go: the sink made of it, connected.
 */
#ifndef DESTINATION_H
#define DESTINATION_H

#include "options.h"
#include "redis_url.h"
#include "sink.h"

struct destination {
	const struct conf *conf;
	struct redis_url redis;
};

/*
 * Read what is not on the command line: the password of Redis.  A fault ends
 * the program.
 */
void destination_init(struct destination *d, const struct conf *c);
void destination_clear(struct destination *d);

/*
 * A sink, not yet connected, to be freed; a fault of what the command line says
 * ends the program.
 */
struct sink *destination_sink(const struct destination *d);

/* Connect, where that is a step of its own: SINK_READY or SINK_FAILED. */
enum sink_state destination_open(const struct destination *d, struct sink *s);

#endif
