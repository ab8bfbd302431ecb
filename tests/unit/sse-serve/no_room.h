/*
 * Arrays that do not grow when the test says so: this stands in for the C
 * library's reallocarray(), which is how every array grows.
 */
#ifndef NO_ROOM_H
#define NO_ROOM_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static bool no_room;

void *
reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (no_room || __builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

#endif
