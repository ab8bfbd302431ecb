/*
 * The connections of clients to all servers of the fleet, as Redis knows them:
 * the answer to an inquiry, which the hub need not take round.
 */
#ifndef FLEET_H
#define FLEET_H

#include "redis_async.h"

#define FLEET_LIMIT_MAX 1000 /* a page, for Redis does nothing else meanwhile */

struct hub;
struct inquiry;

/* Ask over link; q, which is taken, goes back to the worker that asked. */
void fleet_ask(struct hub *h, struct redis_async *link, struct inquiry *q);

#endif
