/*
 * What the parts of a subscriber know of each other: subscriber.c has what it
 * is, subscriber_start.c where it begins, subscriber_walk.c what it is due.
 */
#ifndef SUBSCRIBER_INNER_H
#define SUBSCRIBER_INNER_H

#include "subscriber.h"

/* Of places a channel there are as many as channels, or none. */
struct aside {
	struct predicate *predicate; /* owned; NULL: all is wanted */
	struct place *starts;        /* what is before is not due */
	struct place *said;          /* a gap is told up to here */
	struct place ahead; /* of priority high, sent up to here; or zero */
};

/* Made when there is none; it goes when nothing is in it.  NULL: ENOMEM. */
struct aside *subscriber_aside(struct subscriber *s);

/* Behind this place events of channel i are due. */
struct place subscriber_from(const struct subscriber *s, size_t i);

/*
 * Up to where ch has lost events behind cursor, for one who was here all the
 * time; zero: it has not, or a page is to tell.
 */
struct place subscriber_lost(const struct channel *ch, struct place cursor);

/* Is there a loss in channel i, up to lost, that is not told? */
bool subscriber_unsaid(const struct subscriber *s, size_t i, struct place lost);

/* Remember that it is told.  False: there is none, or it had been before. */
bool subscriber_say(struct subscriber *s, size_t i, struct place lost);

/* The oldest event that is due, whoever wants it; NULL: none. */
const struct message *subscriber_oldest(const struct subscriber *s);

#endif
