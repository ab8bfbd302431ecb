/*
 * How Redis is set up, and what the promise that nothing acknowledged is lost
 * needs of it (sse-redis(7), CAVEATS).
 */
#ifndef REDIS_CHECK_H
#define REDIS_CHECK_H

#include "redis_link.h"

#define REDIS_CHECK_MAX 256

/*
 * Look at it over an open link, until deadline_ms.  What is wrong is written
 * to text, which is empty when nothing is, or when this user may not know.
 */
void redis_check(
    struct redis_link *l, int64_t deadline_ms, char text[REDIS_CHECK_MAX]);

/* The value of a line NAME:VALUE of what INFO answers; length 0: none. */
struct sse_text redis_check_info(struct sse_text info, const char *name);

#endif
