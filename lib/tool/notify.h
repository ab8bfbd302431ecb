/*
 * Telling a service manager how we are: the protocol of sd_notify(3), which is
 * one datagram of lines to the socket that NOTIFY_SOCKET names.  Without that
 * variable, and when nobody takes it, nothing happens.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

/* READY=1, STOPPING=1, WATCHDOG=1 and so on; lines joined by LF. */
void notify_send(const char *state);

/*
 * How often the manager wants to hear WATCHDOG=1, in milliseconds; 0: never.
 * It is to be sent twice as often.
 */
int64_t notify_watchdog_ms(void);

/* The state that says that reloading has begun. */
#define NOTIFY_LEN 128
const char *notify_reloading(char buf[static NOTIFY_LEN]);

#endif
