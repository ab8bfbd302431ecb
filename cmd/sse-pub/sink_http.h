/*
 * The sink that publishes to an sse-serve by POST.  A batch is posted to
 * the channel of its first event while the caller waits.  It bears a producer's
 * name and number, or the key of its only event, by which the server knows one
 * that comes again.
 */
#ifndef SINK_HTTP_H
#define SINK_HTTP_H

#include "http.h"
#include "sink.h"

/*
 * h is taken; base, where it posts to, is borrowed.  wait: ask how many
 * subscribers are reached.  NULL with ENOMEM.
 */
struct sink *sink_http_new(struct http *h, const char *base, size_t batch_max,
    bool wait, int64_t timeout_ms);

#endif
