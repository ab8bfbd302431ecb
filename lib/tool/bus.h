/*
 * The Redis bus without its sockets: the names of keys, the commands that
 * publish and read, and what their answers mean (sse-redis(7)).  Together with
 * redis_link.h and reader.h it is the only code that knows them.
 */
#ifndef BUS_H
#define BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "event.h"
#include "place.h"
#include "retention.h"

/*
 * What is constant for a program's run; texts borrowed.  All that publish and
 * read in one namespace are to agree on the count and the age.
 */
struct bus_conf {
	const char *prefix;     /* "sse:" */
	unsigned int log_count; /* events kept a channel; 0: no log */
	int64_t log_age_ms;     /* and for how long; 0: for ever */
	/* What else holds for some channels; NULL: the same for all. */
	const struct retentions *families;
	int64_t once_ms;     /* how long keys of --once are kept */
	int64_t producer_ms; /* and batch numbers of producers */
};

#define BUS_PREFIX "sse:"
#define BUS_PREFIX_MAX 48 /* bytes */
/* 1 to BUS_PREFIX_MAX printable ASCII characters, none of space *?[]\, */
bool bus_prefix_valid(const char *prefix);
/* Does it hold a hash tag, by which Redis Cluster keeps all names together? */
bool bus_prefix_tagged(const char *prefix);

#define BUS_CONF_DEFAULT                          \
	((struct bus_conf){ .prefix = BUS_PREFIX, \
	    .log_count = 1000,                    \
	    .log_age_ms = 3600000,                \
	    .once_ms = 86400000,                  \
	    .producer_ms = 3600000 })

/* What is kept of a channel. */
struct retention bus_retention(
    const struct bus_conf *conf, struct sse_text channel);

/*
 * One command for redisAppendCommandArgv() and redisAsyncCommandArgv().  It
 * borrows what it was made from (a batch, names), which must not change as long
 * as the command is in use.
 */
struct bus_command {
	int argc;
	const char **argv;
	size_t *argvlen;
	struct sse_buf mem; /* where the arguments made here lie */
};

void bus_command_free(struct bus_command *c);

/*
 * A batch of events to publish, kept whole until it is answered, so that it
 * can be sent again: with the same producer and number it then publishes
 * nothing and is answered as the first time.
 */
struct bus_batch;

struct bus_batch *bus_batch_new(const struct bus_conf *conf);
void bus_batch_free(struct bus_batch *b);
void bus_batch_clear(struct bus_batch *b); /* for the next one */

/*
 * Why ev may not be published by way of Redis, or NULL: what event_fault() says,
 * and that it is larger than one message.
 */
#define BUS_MESSAGE_MAX ((size_t)1 << 20)
const char *bus_event_fault(const struct event *ev);

/*
 * Append a copy of ev, whose channel is set and of which bus_event_fault() found
 * nothing.  An empty ID counts as none.  once is the key of --once, or empty.
 * -1: ENOMEM, and the batch is as before.
 */
int bus_batch_add(
    struct bus_batch *b, const struct event *ev, struct sse_text once);
size_t bus_batch_count(const struct bus_batch *b);
size_t bus_batch_bytes(const struct bus_batch *b);

/*
 * Is it time to send it?  All of a batch is written before anything else runs
 * in Redis, so it is to stay small; one event alone may be of any size.
 */
#define BUS_BATCH_EVENTS 512
#define BUS_BATCH_BYTES ((size_t)1 << 20)
bool bus_batch_full(const struct bus_batch *b);

/*
 * Who sends it: PRODUCER of sse:pub:PRODUCER, and its number: 1, 2, 3...,
 * none left out.  -1: ENOMEM.
 */
int bus_batch_set_producer(
    struct bus_batch *b, const char *producer, uint64_t number);

/*
 * It moves relay's mark from one place to another; "" from: no mark yet.  A
 * batch without events may do so too.  -1: ENOMEM.
 */
int bus_batch_set_mark(struct bus_batch *b, const char *relay,
    struct sse_text from, struct sse_text to);

/* The publish script as EVALSHA, or EVAL with its text.  -1: ENOMEM. */
int bus_batch_command(
    const struct bus_batch *b, bool by_sha, struct bus_command *c);

enum bus_answer {
	BUS_OK,         /* published, or it had been before */
	BUS_NOSCRIPT,   /* send it again by its text */
	BUS_MARK_MOVED, /* the mark does not stand where the batch says */
	BUS_ORDER,      /* batches of the producer before this one are missing:
			   send those first.  Were they answered, then Redis lost
			   them in a failover: go on under a new producer */
	BUS_BUSY,       /* try again later (LOADING, BUSY, TRYAGAIN, OOM...) */
	BUS_MOVED,      /* another node of the cluster has it: bus_moved() */
	BUS_SPLIT,      /* the prefix has no hash tag, as a cluster needs */
	BUS_DENIED,     /* authentication or permission */
	BUS_REFUSED,    /* the request itself is wrong; bus_error says why */
};

/* The answer to one event. */
struct bus_minted {
	struct place place; /* zero: published by an earlier try, forgotten, or
			       with a mark that moved: nobody is told */
	struct sse_text id; /* on the wire; lies in the reply */
	/* Why it is not published, in one line there; empty: it is. */
	struct sse_text refused;
	bool keyed;    /* its key of --once had been, when it came first */
	bool repeated; /* not published now: for that, or in a repeat */
};

/*
 * Read the answer to a batch.  minted has room for its count; NULL: not asked.
 * *mark (NULL: not asked) is the relay's mark as it stands in Redis, lying in
 * the reply.  A batch that was sent again after its first answer went lost is
 * BUS_MARK_MOVED with the mark where it was to go.
 */
enum bus_answer bus_batch_answer(const struct bus_batch *b, const redisReply *r,
    struct bus_minted *minted, struct sse_text *mark);

/*
 * The next reason for which events of an answered batch are not published,
 * though the others are: something else lies where their log or key should be.
 * *why is that in one line, lying in the reply.  Returns how many they are; 0 at
 * the end.  *iter begins with 0.
 */
size_t bus_batch_refused(
    const redisReply *r, size_t *iter, struct sse_text *why);

/*
 * How many connections of readers, that is, of servers, each message of an
 * answered batch has reached at least; -1: nothing was sent, or it is not known.
 */
long long bus_batch_reached(const redisReply *r);

/* What a reply to any command means; BUS_OK when it is no error. */
enum bus_answer bus_answer_of(const redisReply *r);

/* Why a reply is no success, in one line; good as long as the reply. */
const char *bus_error(const redisReply *r);

/*
 * Where a reply that is BUS_MOVED points to: the host's name, which lies in it
 * (empty: that of the node that answered), and the port.  False: nowhere.
 */
bool bus_moved(const redisReply *r, struct sse_text *host, int *port);

/* A small question that only the node answers where all of the names are. */
int bus_home_command(const char *prefix, struct bus_command *c);

/*
 * Attach: to be sent once SUBSCRIBE of all channels and of marker is confirmed.
 * It reads each channel's log, at most count entries of it: the oldest behind
 * after, or the newest when after is zero; publishes a marker on the Pub/Sub
 * channel marker and tells the last minted place, all at one moment.  With n or
 * count 0 it is but the marker.  Where a log gave count entries there may be
 * more: bus_page_command().
 */
int bus_attach_command(const struct bus_conf *conf, const char *marker,
    const struct sse_text *channels, size_t n, struct place after,
    unsigned int count, bool by_sha, struct bus_command *c);

struct bus_attached {
	struct place last;  /* the last minted */
	struct place birth; /* the first since Redis was empty; zero: none */
	size_t nlogs;       /* one a channel, in the order asked for */
};

/*
 * One entry of a log.  It lies in the reply.  There is a gap before it when the
 * cursor is below prev.
 */
struct bus_entry {
	struct event ev; /* has_id set, id as on the wire */
	struct place place;
	struct place prev; /* zero: the first of its channel */
};

enum bus_answer bus_attach_answer(const redisReply *r, struct bus_attached *a);
struct sse_text bus_log_channel(const redisReply *r, size_t log);
size_t bus_log_count(const redisReply *r, size_t log);
size_t bus_log_bytes(const redisReply *r, size_t log); /* of its fields */
/*
 * The place of the channel's last event, as far as is known; where the log is
 * gone, the place up to which it may have held events.  So where no entry was
 * read there is a gap when the cursor is below it.  (A cursor that is not zero
 * and below birth is of an earlier life of Redis: a gap, too.)
 */
struct place bus_log_top(const redisReply *r, size_t log);
/* Is there something else in the log's place?  Then it has no entries. */
bool bus_log_is_foreign(const redisReply *r, size_t log);
/* -1 when it is none that a publisher wrote; it is then to be passed over. */
int bus_log_entry(
    const redisReply *r, size_t log, size_t i, struct bus_entry *e);

/*
 * A page of one channel's log: behind after, at most count, oldest first.  Its
 * entries do not name their channel.
 */
int bus_page_command(const struct bus_conf *conf, struct sse_text channel,
    struct place after, unsigned int count, struct bus_command *c);
/*
 * The same for who keeps to the count of the channel: one that begins with the
 * oldest entry passes over those that are too many.
 */
int bus_page_kept_command(const struct bus_conf *conf, struct sse_text channel,
    struct place after, unsigned int count, struct bus_command *c);
/* And one back: the newest up to it, at most count, newest first. */
int bus_page_back_command(const struct bus_conf *conf, struct sse_text channel,
    struct place up_to, unsigned int count, struct bus_command *c);
enum bus_answer bus_page_answer(const redisReply *r, size_t *count);
int bus_page_entry(const redisReply *r, size_t i, struct bus_entry *e);
size_t bus_page_bytes(const redisReply *r); /* of its fields */

/*
 * A live message as it came on a Pub/Sub channel.  One message is any number
 * of entries, of one channel and in the order of places.  What a message holds
 * is what the last bus_live_begin() was given, which is borrowed.
 */
struct bus_live;

struct bus_live *bus_live_new(const struct bus_conf *conf);
void bus_live_free(struct bus_live *l);

/*
 * Begin with the message payload on the Pub/Sub channel topic.  Returns 1 for
 * events, 2 for a marker with *horizon set to the last minted place (zero:
 * none yet), 0 when topic is not ours.
 *
 * A block whose place is further ahead than BUS_AHEAD_MS, of the last place that
 * is known and of the clock, is not ours: all that is minted from there on would
 * be below it, and passed over.  Should Redis' clock have leapt forth it is
 * in the log all the same.
 */
#define BUS_AHEAD_MS UINT64_C(86400000)
int bus_live_begin(struct bus_live *l, struct sse_text topic,
    struct sse_text payload, struct place last, uint64_t now_ms,
    struct place *horizon);

/*
 * The next event of the message: 1 with *e set, good until the next call; 0 at
 * the end; -1: ENOMEM.  An event without ID, from a raw PUBLISH, has place zero.
 */
int bus_live_next(struct bus_live *l, struct bus_entry *e);

/* How many blocks of the message, up to now, were not ours and passed over? */
size_t bus_live_broken(const struct bus_live *l);

/* The Pub/Sub channel of a channel: PREFIX CHANNEL.  -1: ENOMEM. */
int bus_topic(
    const struct bus_conf *conf, struct sse_text channel, struct sse_buf *b);

/* An instance's own Pub/Sub channel for markers, made from random bytes. */
#define BUS_MARKER_LEN 96
void bus_marker_name(const struct bus_conf *conf, char name[BUS_MARKER_LEN]);

/*
 * On connecting: raise sse:last to seen, the highest place seen there.  low,
 * unless NULL, is the place up to which history is known to be the same as it
 * was here.
 */
int bus_raise_command(const struct bus_conf *conf, struct place seen,
    const struct place *low, struct bus_command *c);

/* Events behind low and up to high may be lost; high zero: none has been. */
struct bus_fork {
	struct place low;
	struct place high;
};

/* *before is sse:last as it was.  Below what was seen, history has forked. */
enum bus_answer bus_raise_answer(
    const redisReply *r, struct place *before, struct bus_fork *fork);

/* May p be a place of what was lost? */
bool bus_fork_has(const struct bus_fork *f, struct place p);

/* A relay's mark; empty: none.  It lies in the reply. */
int bus_mark_command(
    const struct bus_conf *conf, const char *relay, struct bus_command *c);
enum bus_answer bus_mark_answer(const redisReply *r, struct sse_text *mark);

#endif
