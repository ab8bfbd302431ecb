/*
 * The journal of a server without Redis.  What is published in a turn of the
 * loop is staged, written and synced together at its end, and only then
 * delivered and answered: one fsync for all that has gathered.
 *
 * What cannot be written is not published: posts are answered 507, events of
 * standard input are held, and it is tried again.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include "conf.h"

struct hub;
struct journal;
struct message;
struct post;

/*
 * Open the journal that h's configuration names, and publish what it holds into
 * h's archive.  NULL with *status an exit status, the reason having been said.
 */
struct journal *journal_new(struct hub *h, int *status);
void journal_free(struct journal *j);

/*
 * Stage m, taking the reference; post: NULL, or whose it is.  Returns 1 when no
 * more should come before hub_resume(), 0 when all is well, -1 with ENOMEM.
 */
int journal_stage(struct journal *j, struct message *m, struct post *post);
bool journal_room(const struct journal *j);

/*
 * Write what is staged and hand it to hub_written().  Returns whether anything
 * was written.  Without staged events it does nothing.
 */
bool journal_commit(struct journal *j);

/* Events that are read and not written. */
size_t journal_pending(const struct journal *j);

/* Why nothing can be written, a constant; NULL: all is well. */
const char *journal_trouble(const struct journal *j);

#endif
