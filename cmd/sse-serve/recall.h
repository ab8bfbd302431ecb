/*
 * Which event a client means by an ID that is its publisher's own: looked for by
 * its text in the logs of the channels that are the client's, here and, as far
 * as they are not held here, in Redis.
 */
#ifndef RECALL_H
#define RECALL_H

struct ack;
struct hub;

/*
 * Set a->place by a->id and a->who: of each channel the newest that bears the
 * ID, and of these the first, so that no mark passes over anything.  done runs,
 * perhaps before the return, with a->status 200, 404 where there is none or 503
 * where Redis or memory is away.
 */
void recall_place(
    struct hub *h, struct ack *a, void (*done)(struct hub *h, struct ack *a));

#endif
