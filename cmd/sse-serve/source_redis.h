/*
 * Redis as a source, and as the place where everything is published: one link
 * that subscribes, one for commands, both asynchronous.  What it means is
 * bus.h's; here is when it is said, and what follows when a link breaks.
 */
#ifndef SOURCE_REDIS_H
#define SOURCE_REDIS_H

#include <stdbool.h>

#include "archive.h"
#include "event.h"

struct hub;
struct post;
struct redis_async;
struct source_redis;

/*
 * Reach Redis once, so that a server that cannot does not start; then go on
 * alone.  Returns NULL with *status an exit status, the reason having been said.
 */
struct source_redis *source_redis_new(struct hub *h, int *status);
void source_redis_free(struct source_redis *s);

/*
 * Attach the channel: hub_loaded() will be called unless it is loaded.  And
 * leave it, with a little patience, for who reads it may be back soon.
 */
void source_redis_follow(struct source_redis *s, struct history *hist);
void source_redis_unfollow(struct source_redis *s, struct history *hist);

/* Read a page of a log, as NOTICE_PAGE or NOTICE_BACK n asks. */
struct notice;
void source_redis_page(struct source_redis *s, const struct notice *n);

/* Learn the last minted place: NOTICE_SYNCED goes to worker. */
void source_redis_sync(struct source_redis *s, unsigned int worker);

/*
 * Publish, in the order of the calls, each once, waiting for Redis as long as
 * it takes.  A post is answered with NOTICE_POSTED when its last event is.
 * Returns 1 when no more should come before hub_resume() is called, 0 when all
 * is well, -1 with errno ENOMEM or EINVAL.
 */
int source_redis_publish(
    struct source_redis *s, const struct event *ev, struct post *post);

/* Publish a numbered post as one batch of its producer.  -1 as above. */
int source_redis_publish_batch(struct source_redis *s, struct post *post);
bool source_redis_room(const struct source_redis *s);

/* The link of commands, for who has something else to ask; it need not be up. */
struct redis_async *source_redis_commands(struct source_redis *s);

/* Can it be reached at this moment? */
bool source_redis_up(const struct source_redis *s);

/* How many events are published and not answered? */
size_t source_redis_pending(const struct source_redis *s);

/* Has all that was published come back? */
bool source_redis_settled(struct source_redis *s);

#endif
