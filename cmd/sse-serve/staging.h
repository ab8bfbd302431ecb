/*
 * Events on their way to a journal: their messages, whose they are, and the
 * bytes of all of them in one piece.
 */
#ifndef STAGING_H
#define STAGING_H

#include "sse.h"

struct message;
struct post;

/* One of them. */
struct staged {
	struct message *message; /* owned */
	struct post *post;       /* owned by all of its events; or NULL */
	size_t end;              /* of its bytes in out */
};

struct staging {
	struct staged *v;
	size_t n, cap;
	struct sse_buf out;
};

/* Append m, taking the reference; post: NULL, or whose it is.  -1: ENOMEM. */
int staging_add(struct staging *s, struct message *m, struct post *post);

/* How many lie whole in the first len bytes; the events of a post are one. */
size_t staging_whole(const struct staging *s, size_t len);

/* The bytes of the first n. */
size_t staging_bytes(const struct staging *s, size_t n);

/* Take the first n out, whose messages have gone. */
void staging_shift(struct staging *s, size_t n);

/* Take out the events of posts, for each of which gone() is called. */
void staging_drop_posts(
    struct staging *s, void (*gone)(struct post *p, void *arg), void *arg);

/* Release all of it, with its posts. */
void staging_free(struct staging *s);

#endif
