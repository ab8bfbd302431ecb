/*
 * Pages of logs: what the memory of the hub has dropped and Redis still keeps,
 * read for workers whose readers stand behind it, or look for where to begin.
 */
#ifndef PAGES_H
#define PAGES_H

#include <sys/queue.h>

#include "redis_async.h"

struct hub;
struct page_wish;
struct notice;

TAILQ_HEAD(page_wishes, page_wish);

struct pages {
	struct hub *hub;
	struct redis_async *link; /* of commands */
	struct page_wishes wishes;
};

void pages_init(struct pages *p, struct hub *h, struct redis_async *link);
void pages_clear(struct pages *p);

/*
 * Ask for the page of NOTICE_PAGE or NOTICE_BACK n, which a worker said.  It is answered by
 * another one, when Redis has been away, once that is back.
 */
void pages_ask(struct pages *p, const struct notice *n);

/* The link is back: ask again. */
void pages_again(struct pages *p);

#endif
