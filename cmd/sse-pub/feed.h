/*
 * Standard input into a sink: read, gather, send, in that order and for as
 * long as there is input, with one batch on its way at a time.
 */
#ifndef FEED_H
#define FEED_H

#include "defaults.h"
#include "input.h"
#include "sink.h"

struct feed;

/*
 * Reads fd.  The reading ends when stop_fd, -1 for none, can be read.  All else
 * is borrowed.  NULL with ENOMEM.
 */
struct feed *feed_new(int fd, int stop_fd, enum input_format format,
    size_t max_bytes, const struct defaults *d, struct sink *s);
void feed_free(struct feed *f);

/*
 * Publish until the input ends or is at fault, stop_fd can be read, or
 * publishing fails.  Whatever was not published has been told on standard
 * error.  Returns an exit status.
 */
int feed_run(struct feed *f);

#endif
