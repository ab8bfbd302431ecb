/*
 * Sockets that listen already when we start: the protocol of
 * sd_listen_fds(3).  LISTEN_PID is our process, LISTEN_FDS how many there are,
 * from descriptor 3 on, LISTEN_FDNAMES what they are called: "admin" is the
 * administration listener, every other name is public.
 */
#ifndef ACTIVATION_H
#define ACTIVATION_H

#include "listener.h"

/*
 * Append the sockets that were passed to us to ls; none when none were.  The
 * variables are then unset, lest a child takes them for its own.  Returns 0, or
 * an exit status with fault set to one line: EX_USAGE when one of them is no
 * socket that listens, or would let strangers administrate; EX_SOFTWARE.
 */
int activation_take(
    struct listeners *ls, char fault[static LISTENER_FAULT_MAX]);

#endif
