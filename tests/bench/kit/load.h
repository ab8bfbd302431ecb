/*
 * Subscribers in any number: processes that hold connections to an event
 * stream, each of which checks that every event comes once and in order, and
 * how long it took.  An event's data begin with a stamp, see stamp.h; their
 * numbers rise by one.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "latency.h"

#define LOAD_PROCESSES_MAX 64
#define LOAD_SOURCE_MAX 4000 /* of one source address: free ports are found */

/* What one process tells; each is written by that process alone. */
struct load_tally {
	_Atomic uint64_t connected; /* streams whose head has come */
	_Atomic uint64_t delivered; /* events that were next in their order */
	_Atomic uint64_t faults;    /* events that were not; refusals, closes */
	_Atomic uint64_t bytes;
	_Atomic uint64_t last_ns; /* when the last of them came */
	struct latency latency;
};

struct load_wish {
	uint16_t port;
	const char *path;      /* of the request; borrowed */
	unsigned int channels; /* 0, or that many: their number follows path */
	const char *more; /* head lines besides, each ending in CRLF; or NULL */
	unsigned int n;
	bool stall; /* read the head, and then nothing more */
};

struct load {
	struct load_tally *tally; /* shared memory, one a process */
	pid_t pids[LOAD_PROCESSES_MAX];
	unsigned int nprocesses;
	unsigned int n; /* connections in all */
};

/*
 * Connect all, and wait until their heads have come.  Exits with a message when
 * that takes over two minutes.
 */
void load_start(struct load *l, const struct load_wish *wish);

/* Sums over all processes. */
uint64_t load_connected(const struct load *l);
uint64_t load_delivered(const struct load *l);
uint64_t load_faults(const struct load *l);
uint64_t load_last_ns(const struct load *l);

/* Wait until n events have been delivered in all; false after limit_s. */
bool load_await(const struct load *l, uint64_t n, double limit_s);

/* All latencies since the last call; they are forgotten here. */
void load_latency(struct load *l, struct latency *sum);

/* End the processes, and with them their connections. */
void load_stop(struct load *l);

#endif
