/*
 * The sink that publishes to an sse-serve by POST.  A batch is posted to
 * the channel of its first event while the caller waits.  Nothing on the wire
 * tells a repeated batch from a new one, so one that may have arrived is not
 * sent again.
 */
#ifndef SINK_HTTP_H
#define SINK_HTTP_H

#include "sink.h"

/*
 * base is borrowed, and one in which http_base_fault() found nothing.  NULL
 * with *fault a constant text.
 */
struct sink *sink_http_new(
    const char *base, int64_t timeout_ms, const char **fault);

#endif
