/*
 * What sse-tail waits for: its URLs, or else standard input; and each time a
 * signal, and the reader of standard output that goes.
 */
#ifndef WATCH_H
#define WATCH_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "multi.h"

enum { WATCH_SIGNAL, WATCH_READER, WATCH_INPUT, WATCH_MAX };

struct watch {
	struct multi *multi; /* owned, of the URLs; NULL: standard input */
	struct pollfd fds[WATCH_MAX];
};

/*
 * Signals are watched, and standard output where reader is set.  It stays in
 * place.  A fault of the system, here and below, ends the program.
 */
void watch_begin(struct watch *w, bool urls, bool reader);
void watch_free(struct watch *w);

/* Wait, at most timeout_ms (-1: as long as it takes). */
void watch_wait(struct watch *w, int timeout_ms);

/* What the last watch_wait() has found. */
bool watch_reader_gone(const struct watch *w);
bool watch_input_ready(const struct watch *w);

/* When it looked (clock_mono_ms()): what came before has been seen. */
int64_t watch_looked_ms(const struct watch *w);

/*
 * Wait for n others meanwhile, and for the URLs, as multi_wait(), but for no
 * reader; arg is the struct watch.
 */
void watch_others(
    void *arg, struct pollfd *others, unsigned int n, int timeout_ms);

#endif
