/*
 * The sink of --raw: each event a plain PUBLISH, so that it is live only.  An
 * event that was sent before the connection was lost is not sent again, for
 * nothing would tell it from another.
 */
#ifndef SINK_RAW_H
#define SINK_RAW_H

#include "bus.h"
#include "redis_url.h"
#include "sink.h"

/* url and conf are borrowed.  NULL with ENOMEM. */
struct sink *sink_raw_new(const struct redis_url *url,
    const struct bus_conf *conf, size_t batch_max, int64_t timeout_ms);

/* Connect, once: SINK_READY or SINK_FAILED. */
enum sink_state sink_raw_open(struct sink *s);

#endif
