/*
 * One event as all of its subscribers share it: encoded once, immutable from
 * then on, and freed with the last reference, from whichever thread.
 *
 * Its bytes are one block.  Each way to show it is a suffix of them, so that
 * whatever a subscriber asked for is one piece to write:
 *
 *	match, priority, expires, origin, via	show=routing begins here
 *	channel					show=channel begins here
 *	event, id, retry, data			everyone else's here
 *
 * One of priority high bears the whole block a second time behind that, with
 * "ahead" in place of "id", to be sent out of turn.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "place.h"
#include "show.h"

struct message {
	atomic_uint refs;
	uint32_t len;
	uint32_t at_channel; /* where the channel's line begins */
	uint32_t at_plain;   /* where what the standard knows begins */
	uint32_t at_type;    /* the type's text; its length is 0: "message" */
	uint32_t type_len;
	uint32_t at_id; /* the ID on the wire */
	uint32_t id_len;
	uint32_t channel_len;
	uint32_t ahead_len; /* of the block with "ahead"; 0: there is none */
	struct place place; /* zero: raw, live only */
	struct place prev;  /* of the event before it in its channel */
	int64_t expires_ms; /* Unix time; -1: never */
	bool has_match;     /* it is for those who bear labels only */
	char bytes[];
};

/*
 * Encode ev, whose channel is set, at place.  Its ID on the wire is its own
 * where it has one, else the place; a raw one (place zero) has none.  scratch
 * is borrowed, its contents are lost.  The caller holds the one reference.
 * NULL with ENOMEM, or EINVAL when it cannot be represented.
 */
struct message *message_new(struct sse_buf *scratch, const struct event *ev,
    struct place place, struct place prev);

/* One more reference, and one less; NULL is let pass. */
struct message *message_ref(struct message *m);
void message_unref(struct message *m);

struct sse_text message_channel(const struct message *m);
struct sse_text message_type(const struct message *m); /* empty: "message" */
struct sse_text message_id(const struct message *m);   /* empty: none */

struct sse_text message_match(const struct message *m); /* empty: none */

/* The bytes for a subscriber that asked for show. */
struct sse_text message_wire(const struct message *m, unsigned int show);

/* The same of one with ahead_len, to be sent out of turn. */
struct sse_text message_ahead(const struct message *m, unsigned int show);

/* What it costs to keep, the allocator's share included. */
size_t message_cost(const struct message *m);

#endif
