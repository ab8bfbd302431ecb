/*
 * The channels that are subscribed to in Redis, each at its stage.  hiredis
 * minds only one SUBSCRIBE or UNSUBSCRIBE of a name at a time, so a wish waits
 * here for the answer to the one before.
 */
#ifndef TOPIC_H
#define TOPIC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include "sse.h"

enum topic_stage {
	TOPIC_OFF,         /* nothing is known of it in Redis */
	TOPIC_SUBSCRIBING, /* SUBSCRIBE is on its way */
	TOPIC_SUBSCRIBED,  /* its log is to be read */
	TOPIC_LOADING,     /* its log is being read */
	TOPIC_LIVE,        /* the log is here, live messages follow it */
	TOPIC_LEAVING,     /* UNSUBSCRIBE is on its way */
};

struct topic {
	RB_ENTRY(topic) by_name;
	TAILQ_ENTRY(topic) by_stage; /* those SUBSCRIBED */
	uint64_t round;              /* of attaching; 0: none */
	enum topic_stage stage;
	bool wanted;
	bool resumed; /* its log was here before the link was lost */
	uint8_t len;
	char name[];
};

RB_HEAD(topic_tree, topic);
TAILQ_HEAD(topic_list, topic);

RB_PROTOTYPE(topic_tree, topic, by_name, topic_cmp)
int topic_cmp(struct topic *a, struct topic *b);

struct topic *topic_find(struct topic_tree *t, struct sse_text name);
/* Made when there is none.  NULL with ENOMEM. */
struct topic *topic_get(struct topic_tree *t, struct sse_text name);
void topic_free(struct topic_tree *t, struct topic *topic);

static inline struct sse_text
topic_name(const struct topic *t)
{
	return (struct sse_text){ t->name, t->len };
}

#endif
