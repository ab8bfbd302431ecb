/*
 * Who the server obeys: signals, and the service manager that is told how it
 * is.  On a terminal, which standard error is or is not, SIGINT and SIGHUP end
 * it at once; else SIGINT is as SIGTERM and SIGHUP has it reload.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include <ev.h>
#include <stdbool.h>

struct hub;

struct service {
	struct hub *hub;
	ev_signal sigint, sigterm, sighup;
	ev_timer watchdog;
	bool pulse; /* an inquiry is out to see that all loops turn */
	int signum; /* to die by; 0: none */
};

void service_open(struct service *s, struct hub *h);

/* It is being stopped: the manager is told. */
void service_stopping(const struct service *s);

/* The inquiry of the watchdog is back: all loops have turned. */
void service_beat(struct service *s);

#endif
