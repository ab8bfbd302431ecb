/*
 * What the hub and a worker say to each other: notices, in order, each way
 * through a mailbox of the receiver.  Messages go by reference, everything
 * else changes hands; the two share nothing more.
 */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>

#include "message.h"

struct ack;
struct inquiry;
struct post;

enum notice_what {
	/* From the hub. */
	NOTICE_MESSAGE,  /* message, for the channel that it names; drop */
	NOTICE_DROP,     /* name: the log has dropped all up to drop */
	NOTICE_ATTACHED, /* name: backlog is its log; drop what it had dropped */
	NOTICE_HORIZON,  /* all up to place may be served */
	NOTICE_FORK,     /* events behind place, up to drop, may be lost */
	NOTICE_FORGET,   /* history has forked: the logs come anew, and behind
			    place stand events that nobody has seen */
	NOTICE_PAGE,     /* name: backlog is all behind place, up to drop;
			    from a worker: it is to be read */
	NOTICE_BACK,     /* name: backlog is the newest of all up to place, from
			    drop on; zero: from the beginning; from a worker:
			    it is to be read */
	NOTICE_SYNCED,   /* the answer to sync: place is the last minted */
	NOTICE_POSTED,   /* post is answered */
	NOTICE_COUNT,    /* post: add whom it reaches, and give it back */
	NOTICE_INQUIRY,  /* inquiry: add what you know, and give it back */
	NOTICE_INQUIRED, /* inquiry is answered */
	NOTICE_ACKED,    /* ack is answered */
	NOTICE_END,      /* nothing will follow */
	NOTICE_STOP,     /* accept no more, flush and close */
	NOTICE_LEAVE,    /* leave the loop */
	/* From a worker. */
	NOTICE_ATTACH,  /* name: somebody reads it */
	NOTICE_DETACH,  /* name: nobody does any more */
	NOTICE_SYNC,    /* what is the last minted place? */
	NOTICE_POST,    /* post is to be published */
	NOTICE_COUNTED, /* post: it is to go on */
	NOTICE_INQUIRE, /* inquiry: it is to go round, or on */
	NOTICE_ACK,     /* ack: a mark is to be read or moved */
	NOTICE_HERE,    /* name: "ID ADDRESS CLIENT", a stream of a client */
	NOTICE_GONE,    /* name: "ID", which has ended */
	NOTICE_DRAINED, /* its mailbox, which was full, has been read */
	NOTICE_SLOWEST, /* all its subscribers have dealt with place */
	NOTICE_IDLE,    /* no connection is left */
};

/* The messages of a log, each referenced. */
struct backlog {
	size_t n;
	struct message *messages[];
};

struct notice {
	enum notice_what what;
	unsigned int worker; /* to the hub: who speaks */
	struct message *message;
	struct place place;
	struct place drop;
	struct place birth;   /* with NOTICE_ATTACHED: of the namespace */
	struct sse_text name; /* owned, free() */
	struct backlog *backlog;
	struct post *post;
	struct inquiry *inquiry;
	struct ack *ack;
};

struct mailbox {
	pthread_mutex_t lock;
	struct notice *notices;
	size_t n, cap;
	bool full; /* more than MAILBOX_FULL lay in it when it was written */
	struct ev_loop *loop; /* the reader's, to be woken */
	ev_async wake;
};

#define MAILBOX_FULL 16384

/* What a batch gathers before it is posted. */
struct notices {
	struct notice *v;
	size_t n, cap;
};

/*
 * A mailbox whose reader runs loop and is called by ready.  -1 with ENOMEM.
 */
int mailbox_open(struct mailbox *m, struct ev_loop *loop,
    void (*ready)(struct ev_loop *, ev_async *, int), void *data);
void mailbox_close(struct mailbox *m);

/* Append to a batch; the texts and references are the batch's then. */
int notices_add(struct notices *b, const struct notice *n);

/*
 * Post a batch, in order, and empty it.  Returns 1 when the mailbox is full
 * now (its reader will say NOTICE_DRAINED), else 0; -1 with ENOMEM, the batch
 * is then kept.
 */
int mailbox_post(struct mailbox *m, struct notices *b);

/* Take all there is into b, which is empty.  *was_full: to be answered. */
void mailbox_take(struct mailbox *m, struct notices *b, bool *was_full);

/* Release what a notice owns; and a batch with its notices. */
void notice_clear(struct notice *n);
void notices_free(struct notices *b);

struct backlog *backlog_new(size_t room);
void backlog_free(struct backlog *b);

#endif
