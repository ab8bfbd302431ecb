/*
 * A Redis of one's own, a child of this process, on a port,
 * without persistence.
 */
#ifndef REDIS_H
#define REDIS_H

#include <stdint.h>
#include <sys/types.h>

struct redis {
	pid_t pid;
	uint16_t port;
	char url[64];
};

/* Exits with a message when it does not start. */
void redis_start(struct redis *r);
void redis_stop(struct redis *r);

/*
 * Scripts and subscriptions it was sent so far; what scripts do within is not
 * counted.
 */
uint64_t redis_commands(const struct redis *r);

#endif
