/*
 * Who a client is, and what that lets it do.  Pure; one block of memory, that
 * nothing changes once it is made.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sse.h"

#define CLAIMS_MAX 64 /* groups, labels and patterns, each */

struct label {
	struct sse_text key, value;
};

/*
 * What a way in has found out about a client, whichever way that is.  Texts
 * are borrowed.
 */
struct claims {
	struct sse_text client; /* empty: it has no ID */
	struct sse_text groups[CLAIMS_MAX];
	struct label labels[CLAIMS_MAX];
	struct sse_text read[CLAIMS_MAX]; /* patterns of channels */
	struct sse_text write[CLAIMS_MAX];
	size_t ngroups, nlabels, nread, nwrite;
	bool restricted;    /* read is said: no other plain channels */
	bool may_route;     /* may see the fields that route events */
	int64_t expires_ms; /* Unix time when all this ends; -1: never */
};

#define CLAIMS_NONE ((struct claims){ .expires_ms = -1 })

struct texts {
	const struct sse_text *v;
	size_t n;
};

struct identity {
	struct sse_text client; /* empty: nobody in particular */
	struct texts own;       /* channels that reach it unasked: broadcast,
				   client:ID, then group:NAME of each group */
	struct texts labels;    /* "key=value" */
	struct texts read, write;
	bool restricted;
	bool may_route;
	bool admin; /* it came by the administration listener */
	int64_t expires_ms;
};

/*
 * What is wrong with c, a constant, or NULL: an ID or a group that makes no
 * name of a channel, a label or pattern that can never match.
 */
const char *claims_fault(const struct claims *c);

/* A client that says nothing of itself; a constant. */
const struct identity *identity_anonymous(bool admin);

/* Of c, in which claims_fault() finds nothing.  NULL with ENOMEM. */
const struct identity *identity_new(const struct claims *c, bool admin);
void identity_free(
    const struct identity *id); /* lets constants and NULL pass */

/*
 * May it read this channel (a valid name) when it asks for it?  What is its own
 * anyway; plain channels, but where its patterns are said only those they
 * match; of the reserved families what a pattern names by its family.  An
 * administrator: all.
 */
bool identity_may_read(const struct identity *id, struct sse_text channel);

/*
 * May it publish to this channel?  Never to presence, which only sse-serve
 * writes.  Else an administrator to all, others to what their patterns match
 * and, where open says that anyone may, to plain channels and broadcast.
 */
bool identity_may_publish(
    const struct identity *id, struct sse_text channel, bool open);

/* Might it publish at all? */
bool identity_publishes(const struct identity *id, bool open);

/*
 * Does pattern, in which * stands for any run of characters and ? for one,
 * match all of name?  A name of a reserved family is matched only by a pattern
 * that begins with the family as it stands, so that "*" means plain channels.
 */
bool pattern_matches(struct sse_text pattern, struct sse_text name);

#endif
