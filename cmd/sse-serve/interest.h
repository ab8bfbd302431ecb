/*
 * The channels of Redis that workers want: subscribed to, kept for a little
 * while when nobody reads them any more, and subscribed to anew when the link
 * was lost.
 */
#ifndef INTEREST_H
#define INTEREST_H

#include "archive.h"
#include "attach.h"

struct interest {
	struct hub *hub;
	struct redis_async *live; /* the link that subscribes */
	struct attach *attach;
	redisCallbackFn *heard;
	void *arg;
	struct named_tree topics;
	struct topic_list idle; /* in the order in which they became so */
	ev_timer leave;
	bool up;
};

/*
 * Attach what is wanted; whatever comes over link live is heard(), with arg.
 * Nothing is subscribed to before interest_up().
 */
void interest_open(struct interest *in, struct hub *h, struct redis_async *live,
    struct attach *attach, redisCallbackFn *heard, void *arg);
void interest_close(struct interest *in);

/* A worker follows hist; none does any more. */
void interest_follow(struct interest *in, struct history *hist);
void interest_unfollow(struct interest *in, struct history *hist);

/* The topic of a channel; NULL: nobody wants it. */
struct topic *interest_find(struct interest *in, struct sse_text channel);

/* Redis has confirmed that a channel is subscribed to, or is no more. */
void interest_confirmed(struct interest *in, struct sse_text channel, bool yes);

/* The links are up, and may be used; they are lost. */
void interest_up(struct interest *in);
void interest_down(struct interest *in);

/* "SUBSCRIBE" or "UNSUBSCRIBE" of one Pub/Sub channel.  -1: the link is down. */
int interest_say(struct interest *in, const char *verb, struct sse_text pubsub);

#endif
