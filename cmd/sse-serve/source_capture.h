/*
 * A capture as a source: a file that is an event stream, with comments that say
 * when what follows had come, ": +1.234s", as sse-tail --capture writes it.
 * Each event is published when its time has come; without times, at once.
 */
#ifndef SOURCE_CAPTURE_H
#define SOURCE_CAPTURE_H

#include "sse.h"

struct hub;
struct source;

/*
 * Of the file and the speed that h's configuration names; it plays once the
 * loop runs.
 * NULL with *status an exit status, the reason having been said.
 */
struct source *source_capture_new(struct hub *h, int *status);

/* The milliseconds of a comment "+1.234s"; -1: it is none.  Pure. */
int64_t capture_time_ms(struct sse_text comment);

#endif
