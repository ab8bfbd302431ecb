/*
 * What the hub tells its workers.  Notices gather, and leave in their order at
 * the end of the turn.
 */
#ifndef TELL_H
#define TELL_H

#include "mailbox.h"

struct history;
struct hub;

/* All workers that follow hist: of a message, which the caller keeps. */
void tell_message(struct hub *h, const struct history *hist, struct message *m);

/* A worker: of the horizon, where it has moved; of all of a log. */
void tell_horizon(struct hub *h, unsigned int worker);
void tell_log(struct hub *h, const struct history *hist, unsigned int worker);

/* All workers: of what needs no more words, and of a fork. */
void tell_all(struct hub *h, enum notice_what what);
void tell_fork(
    struct hub *h, enum notice_what what, struct place p, struct place up);

/*
 * What has gathered, with what was dropped and the horizon, goes to the
 * workers, one wake-up each.
 */
void tell_flush(struct hub *h);

/* Is there something that memory did not suffice to post? */
bool tell_waits(const struct hub *h);

#endif
