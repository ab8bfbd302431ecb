/*
 * What the parts of a hub know of each other: hub.c has its loop and publishes,
 * hub_hear.c is what it hears of its workers, posting.c what it is to publish for
 * them, shutdown.c how it ends.
 */
#ifndef HUB_INNER_H
#define HUB_INNER_H

#include "hub.h"

void hub_hear(struct hub *h, struct notice *n);

/* Write what is staged; false: some of it cannot be. */
bool hub_commit(struct hub *h);

/* All of that worker's subscribers have dealt with p. */
void hub_settled(struct hub *h, unsigned int worker, struct place p);

#endif
