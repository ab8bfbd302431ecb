/*
 * What the kernel is told of connections.  Linux has them inherit it from the
 * listening socket, so that no connection costs a system call for it.
 */
#ifndef TUNING_H
#define TUNING_H

#include <stdbool.h>

#include "conf.h"

/*
 * Of a listening TCP socket: single events leave at once; what the kernel
 * keeps for a reader that does not read is bounded; peers that have vanished
 * are found, by probes when nothing is on its way to them.  What a kernel does
 * not know is passed over.
 */
void tuning_listen(int fd, const struct conf *conf);

/* Of a connection by a Unix socket, which inherits nothing. */
void tuning_unix(int fd, const struct conf *conf);

#endif
