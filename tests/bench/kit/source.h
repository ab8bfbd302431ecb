/*
 * A server of event streams that is faster than what reads them, a child of
 * this process on 127.0.0.1; each connection has a process of its own.  What
 * it does the path says:
 *
 *	/bulk/SIZE/N	N events of SIZE bytes of data, as fast as TCP takes them
 *	/live/SIZE/N	each of them by a send() of its own, without delay
 *	/stamped/MS/N	N events whose data are a stamp, one each MS milliseconds
 *
 * and then it closes the connection.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdint.h>
#include <sys/types.h>

struct source {
	pid_t pid;
	uint16_t port;
};

void source_start(struct source *s);
void source_stop(struct source *s);

#endif
