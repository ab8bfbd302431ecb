/*
 * A channel as one worker sees it: what it keeps of the replay log, and who of
 * this worker's subscribers reads it.  The hub decides what is kept; a worker
 * follows it once its subscribers have been served, so that no one who keeps
 * up misses an event because many came at once.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <sys/queue.h>

#include "audience.h"
#include "named.h"
#include "replay.h"

struct channel_table;

/*
 * Older events than the log has, read from where they are still kept, for all
 * readers that stand there.  It is there for one turn, or as long as one of them
 * waits for a page of another channel, too.
 */
struct page {
	bool needed;
	struct replay log;
	struct place from, to; /* it is all that stands between these */
};

/*
 * Those of the newest events up to top that one page holds, in order: all from
 * bottom on, or from the beginning when that is zero.  Borrowed by who reads it.
 */
struct leaf {
	struct place top, bottom;
	struct message **messages;
	size_t n;
};

struct channel {
	struct named named;
	TAILQ_ENTRY(channel) by_dirt;
	struct replay log;
	struct channel_table *table;
	struct page *page; /* NULL: none */
	TAILQ_ENTRY(channel) by_wish;
	struct place wish;  /* a reader waits for what is behind this */
	bool wishes, asked; /* it does; and a page is on its way */
	TAILQ_ENTRY(channel) by_wish_back;
	struct place wish_back; /* one who opens waits for what is up to this */
	bool wishes_back, asked_back;
	struct place drop_to; /* the hub has dropped all up to here */
	size_t keep;          /* how many events are kept */
	int64_t age_ms;       /* how long events are kept; 0: for ever */
	struct message **raw; /* of this turn, live only; owned */
	size_t nraw, raw_cap;
	struct audience **audiences; /* borrowed: who reads it; none is empty */
	uint32_t naudiences, cap;
	bool attached; /* the log is here, and live events follow it */
	bool dirty;
};

TAILQ_HEAD(channel_list, channel);

struct channel_table {
	struct named_tree tree;
	struct channel_list dirty;
	struct channel_list wishing; /* that are not asked for yet */
	struct audience_tree audiences;
	struct channel_list wishing_back;
	bool paged; /* what the logs have dropped may be kept elsewhere */
};

void channel_table_init(struct channel_table *t);
void channel_table_clear(struct channel_table *t);

struct channel *channel_find(
    const struct channel_table *t, struct sse_text name);

/* The channel of that name, made when there is none.  NULL with ENOMEM. */
struct channel *channel_get(struct channel_table *t, struct sse_text name);
void channel_free(struct channel_table *t, struct channel *ch);

/*
 * Append m to the log, or to the turn's raw ones, and mark the channel dirty.
 * Takes the caller's reference.  -1 with ENOMEM: it is lost to this worker, and
 * with it, unless it was raw, the log so far, that readers are told of a gap.
 */
int channel_publish(
    struct channel_table *t, struct channel *ch, struct message *m);
void channel_mark(struct channel_table *t, struct channel *ch);

/* Its log is not what it was: another one will be attached. */
void channel_forget(struct channel *ch);

/*
 * The log where a reader at cursor goes on: the channel's, or a page; up to *to
 * it is complete.  NULL: it is to be read first, see channel_wish().
 */
const struct replay *channel_log(
    const struct channel *ch, struct place cursor, struct place *to);

/* May more of it be kept elsewhere than there is in its log? */
bool channel_is_cut(const struct channel *ch);

/*
 * A reader waits for what is behind cursor.  The next channel that somebody
 * waits for, with *after where the first one stands; NULL: none.
 */
void channel_wish(struct channel *ch, struct place cursor);
struct channel *channel_next_wish(struct channel_table *t, struct place *after);

/*
 * Who opens waits for the newest that stand up to top.  The next channel of which
 * somebody does, with *top; NULL: none.  One page at a time is on its way.
 */
void channel_wish_back(struct channel *ch, struct place top);
struct channel *channel_next_wish_back(
    struct channel_table *t, struct place *top);

/* A page has come: all between from and to; and has been made use of. */
void channel_turn_page(struct channel *ch, struct place from, struct place to,
    struct message **messages, size_t n);
void channel_drop_page(struct channel *ch);

/* The next dirty channel, marked clean; NULL: none is. */
struct channel *channel_next_dirty(struct channel_table *t);

/*
 * Its subscribers have been served up to the horizon: drop what need not be
 * kept, but nothing beyond, which is yet to be served.
 */
void channel_served(struct channel *ch, struct place horizon);

/* Used by audience.c: a seat, or -1 with ENOMEM; and giving it up. */
int channel_join(struct channel *ch, struct audience *a);
void channel_leave(struct channel *ch, uint32_t seat);

/*
 * Call fn for each subscriber.  It may make that very subscriber leave, and no
 * other one.
 */
void channel_each(
    struct channel *ch, void (*fn)(struct subscriber *s, void *arg), void *arg);

#endif
