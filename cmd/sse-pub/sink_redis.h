/*
 * The sink that publishes to Redis by the script of the bus.  A batch is kept
 * until it is answered; when the connection is lost it is sent again on the
 * next one, and by its producer's name and number Redis knows what it has.
 */
#ifndef SINK_REDIS_H
#define SINK_REDIS_H

#include "bus.h"
#include "redis_link.h"
#include "redis_url.h"
#include "sink.h"

/*
 * url and conf are borrowed.  A batch counts as published once as many
 * replicas have it, too.  NULL with ENOMEM.
 */
struct sink *sink_redis_new(const struct redis_url *url,
    const struct bus_conf *conf, size_t batch_max, unsigned int replicas,
    int64_t timeout_ms);

/*
 * Connect: SINK_READY or SINK_FAILED.  One that is refused is tried once, a
 * Redis that is busy is awaited.  Later connections, after one was lost, are
 * tried again until the deadline of the batch.
 */
enum sink_state sink_redis_open(struct sink *s);

#endif
