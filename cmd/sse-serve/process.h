/*
 * What the kernel knows of this process.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdint.h>

struct process {
	double cpu_s;
	double started_s; /* Unix time; 0: unknown, as all of these */
	uint64_t resident_bytes;
	uint64_t open_fds;
	uint64_t max_fds;
};

void process_look(struct process *p);

#endif
