/*
 * What an allocation costs: the bytes asked for and what the allocator adds, as
 * glibc does on 64 bits; others are near.
 */
#ifndef COST_H
#define COST_H

#include <stddef.h>

#define COST_HEAD sizeof(size_t)
#define COST_UNIT (2 * sizeof(size_t))
#define COST_MIN (4 * sizeof(size_t))

static inline size_t
cost_of(size_t bytes)
{
	size_t whole = (bytes + COST_HEAD + COST_UNIT - 1) / COST_UNIT *
	    COST_UNIT;

	return whole < COST_MIN ? COST_MIN : whole;
}

#endif
