/*
 * The channels that are subscribed to in Redis, each at its stage.  hiredis
 * minds only one SUBSCRIBE or UNSUBSCRIBE of a name at a time, so a wish waits
 * here for the answer to the one before.
 */
#ifndef TOPIC_H
#define TOPIC_H

#include <stdbool.h>
#include <sys/queue.h>

#include "named.h"

enum topic_stage {
	TOPIC_OFF,         /* nothing is known of it in Redis */
	TOPIC_SUBSCRIBING, /* SUBSCRIBE is on its way */
	TOPIC_SUBSCRIBED,  /* its log is to be read */
	TOPIC_LOADING,     /* its log is being read */
	TOPIC_LIVE,        /* the log is here, live messages follow it */
	TOPIC_LEAVING,     /* UNSUBSCRIBE is on its way */
};

struct topic {
	struct named named;
	TAILQ_ENTRY(topic) by_stage; /* those SUBSCRIBED */
	TAILQ_ENTRY(topic) by_idle;
	enum topic_stage stage;
	double idle_since; /* LIVE and wanted, but nobody reads it; 0: not so */
	bool wanted;
	bool resumed; /* its log was here before the link was lost */
};

TAILQ_HEAD(topic_list, topic);

/* The topic of that name, made when there is none.  NULL with ENOMEM. */
struct topic *topic_get(struct named_tree *tree, struct sse_text name);
void topic_free(struct named_tree *tree, struct topic *t);

#endif
