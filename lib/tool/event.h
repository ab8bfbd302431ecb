/*
 * An event as it passes between the programs: what the standard knows and the
 * fields that route it (sse-redis(7)).  It borrows
 * all of its texts; whoever keeps one makes a copy of its own.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "sse.h"

#define CHANNEL_MAX 200 /* bytes of a channel's name */

struct event {
	struct sse_text channel; /* empty: none named */
	struct sse_text type;    /* empty: "message" */
	struct sse_text id;      /* the publisher's own, when has_id */
	struct sse_text data;
	struct sse_text match; /* labels, "k=v" joined by one space; or empty */
	struct sse_text origin; /* the ID where it came from; empty: none */
	struct sse_text via; /* relays' names joined by one space; or empty */
	int64_t retry_ms;    /* -1: none */
	int64_t expires_ms;  /* Unix time; -1: never */
	bool high;           /* priority: high */
	bool has_id;
	bool has_data; /* false: a block that dispatches nothing */
};

/* The event of which nothing is set. */
#define EVENT_NONE ((struct event){ .retry_ms = -1, .expires_ms = -1 })

/*
 * Make *ev that event.  Member by member, for a whole struct of this size is
 * cleared by an instruction that takes longer to start than all the rest of an
 * event's way takes.
 */
static inline void
event_clear(struct event *ev)
{
	const struct sse_text none = { NULL, 0 };

	ev->channel = none;
	ev->type = none;
	ev->id = none;
	ev->data = none;
	ev->match = none;
	ev->origin = none;
	ev->via = none;
	ev->retry_ms = -1;
	ev->expires_ms = -1;
	ev->high = ev->has_id = ev->has_data = false;
}

/* A string constant as text; TEXT_INIT in a static initializer. */
/* clang-format off */
#define TEXT_INIT(s) { (s), sizeof(s) - 1 }
/* clang-format on */
#define TEXT(s) ((struct sse_text)TEXT_INIT(s))

struct sse_text text_of(const char *s); /* of a string; NULL gives none */

/* The part of t before sep, or all of it, which t loses together with sep. */
struct sse_text text_cut(struct sse_text *t, char sep);

/* Here for the compiler, which knows the length of s nearly everywhere. */
static inline bool
text_is(struct sse_text t, const char *s)
{
	size_t len = strlen(s);

	return t.len == len && (len == 0 || memcmp(t.ptr, s, len) == 0);
}

/*
 * Take one routing field ("channel", "match", "priority", "expires", "origin",
 * "via") into ev.  Returns 1 when taken, 0 when name is none of them, -1 when
 * the value is malformed (then ev is as before).  An empty value unsets.
 * Labels and relays' names are parted by one space, neither more nor before the
 * first; a fraction of expires counts down to the millisecond.
 */
int event_set_field(
    struct event *ev, struct sse_text name, struct sse_text value);

/*
 * Why ev may not be published, or NULL: a channel name out of bounds (when one
 * is named), presence, client: and group: without a name, a type that begins
 * with "sse:" (but "sse:gap" of an event that has come through a relay), line
 * breaks in type or ID, NUL in the ID.  The answer is a constant that fits
 * behind "line 3: ".
 */
const char *event_fault(const struct event *ev);

/* Is its type the programs' own, and not a gap that a relay tells of? */
bool event_type_reserved(const struct event *ev);

/* Is name a channel's: 1 to 200 bytes of UTF-8 without what divides or matches names? */
bool channel_valid(struct sse_text name);

/* Is it of a reserved family: broadcast, presence, client:ID, group:NAME? */
bool channel_reserved(struct sse_text name);

/* ms as the value of expires: seconds, with a fraction when there is one. */
#define EVENT_EXPIRES_LEN 32
struct sse_text event_expires(int64_t ms, char buf[static EVENT_EXPIRES_LEN]);

/*
 * Append ev as a block: the routing fields, each that is set, then the
 * standard's.  -1 with errno as sse_encode_event().
 */
int event_encode(struct sse_buf *b, const struct event *ev);

/* Append only the routing fields but channel, one line each. */
int event_encode_routing(struct sse_buf *b, const struct event *ev);

/*
 * Take what a decoder handed out, which was asked for SSE_ASK_FIELDS.  The id
 * is set only when the very block bore it; a type of "message" is left empty.
 * -1 with errno EINVAL when a routing field is malformed; *what then names the
 * first one, a constant, and ev holds all the rest.
 */
int event_decode(struct event *ev, const struct sse_decoder *d,
    const struct sse_event *from, const char **what);

/* A copy with texts of its own, in one allocation: free() it.  NULL: ENOMEM. */
struct event *event_dup(const struct event *ev);

#endif
