/*
 * What is found by its name: struct named is the first member of a channel, a
 * history, a topic.  One allocation holds the thing and its name.
 */
#ifndef NAMED_H
#define NAMED_H

#include <sys/tree.h>
#include <stddef.h>

#include "sse.h"

struct named {
	RB_ENTRY(named) by_name;
	struct sse_text name; /* of its own, NUL behind it */
};

RB_HEAD(named_tree, named);

/* size bytes of zeros that begin with a struct named.  NULL with ENOMEM. */
void *named_new(size_t size, struct sse_text name);

/* The thing of that name, or NULL. */
void *named_find(const struct named_tree *t, struct sse_text name);

void named_insert(struct named_tree *t, struct named *n);
void named_remove(struct named_tree *t, struct named *n);

/* In an iteration: the first, and the one behind n; NULL: there is none. */
void *named_first(struct named_tree *t);
void *named_next(struct named *n);

/* The order of the tree: below, at or above 0. */
int named_cmp(struct sse_text a, struct sse_text b);

/* A copy of a name, NUL behind it.  ptr NULL with ENOMEM. */
struct sse_text name_dup(struct sse_text name);

#endif
