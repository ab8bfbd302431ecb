/*
 * A page of numbers for Prometheus, answered by a thread of its own, so that it
 * is there also while the relay waits for a peer.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>

#include "tally.h"

#define METRICS_HEAD_MAX 8192 /* bytes of a request */
#define METRICS_TIME_MS 5000  /* for a request and its answer */

struct metrics;

/*
 * Listen at address: PORT or HOST:PORT of the loopback, [::1]:PORT, unix:PATH
 * (mode 0660).  Port 0 is one that is free.  Returns 0 with *m set; else an exit
 * status, with a line at why.  t and name are borrowed.
 */
int metrics_open(struct metrics **m, const char *address, struct tally *t,
    const char *name, char *why, size_t cap);

/* Where it listens, as a URL or unix:PATH. */
const char *metrics_where(const struct metrics *m);

/* NULL is let pass. */
void metrics_close(struct metrics *m);

#endif
