/*
 * What becomes of an ack in the hub: the mark is read or moved, in Redis or
 * here, and the worker that asked is told.
 */
#ifndef MARKING_H
#define MARKING_H

struct ack;
struct hub;

/* Takes a. */
void marking_hear(struct hub *h, struct ack *a);

#endif
