/*
 * The file of --capture: the stream as it was received, each block whole and
 * before it, when time has passed, a comment that says when it came:
 *
 *	: +1.234s
 *
 * are seconds since the capture began.  What a lost connection cut off is not
 * in it, so it is one valid event stream.  sse-serve --replay plays it.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdint.h>

#include "sse.h"

struct capture;

/*
 * Make the file anew; it begins at this time of clock_mono_ms().  NULL with errno
 * set.
 */
struct capture *capture_open(const char *path, int64_t mono_ms);

/* Append a block's bytes, which came at that time.  -1 with ENOMEM. */
int capture_block(struct capture *c, struct sse_text raw, int64_t mono_ms);

/* Write what there is.  -1 with errno set. */
int capture_flush(struct capture *c);

/* -1 with errno set: not all is in the file.  NULL is let pass. */
int capture_close(struct capture *c);

#endif
