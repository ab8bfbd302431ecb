/*
 * The subscribers of a worker that read the same channels.  What is the same
 * for all of them is kept once, so that one subscriber costs no more with many
 * channels than with one; a channel knows its audiences.
 */
#ifndef AUDIENCE_H
#define AUDIENCE_H

#include <sys/tree.h>
#include <stddef.h>
#include <stdint.h>

struct channel;
struct subscriber;

struct audience {
	RB_ENTRY(audience) by_channels;
	struct subscriber **subscribers; /* borrowed */
	uint32_t nsubscribers, cap;
	uint32_t *seats; /* in each channel's list of audiences */
	size_t nchannels;
	struct channel *channels[]; /* borrowed, in the order given */
};

RB_HEAD(audience_tree, audience);

/*
 * Admit s, whose audience and seat are set, to those who read the n channels,
 * at least one, all different and of one table.  -1 with ENOMEM.
 */
int audience_join(
    struct channel *const *channels, size_t n, struct subscriber *s);

/* With the last who leaves it goes itself. */
void audience_leave(struct subscriber *s);

/* channel.c moved it to another seat. */
void audience_reseat(
    struct audience *a, const struct channel *ch, uint32_t seat);

/*
 * Call fn for each subscriber.  It may make that very subscriber leave, and no
 * other one.
 */
void audience_each(
    struct audience *a, void (*fn)(struct subscriber *s, void *arg), void *arg);

#endif
