/*
 * How Redis is at the start: whether it is reached, and set up as the promise
 * that nothing acknowledged is lost needs it (sse-redis(7), CAVEATS).
 */
#ifndef REDIS_CHECK_H
#define REDIS_CHECK_H

struct conf;

/*
 * Reach it once and look.  What is wrong is said.  Returns 0, or an exit
 * status: the whole answer of a server that cannot start.
 */
int redis_check(const struct conf *conf);

#endif
