/*
 * Which events of its channels a subscriber is sent.  Pure.
 */
#ifndef PREDICATE_H
#define PREDICATE_H

#include "identity.h"
#include "message.h"

/* What one wants and bears; owned, and NULL for nearly everyone. */
struct predicate {
	struct sse_text *types; /* owned with their texts; none: all types */
	size_t ntypes;
	struct texts labels; /* borrowed: "key=value" */
};

/*
 * Copies types, borrows labels.  *p is NULL where both are none.  -1 with
 * ENOMEM.
 */
int predicate_new(struct predicate **p, const struct sse_text *types,
    size_t ntypes, const struct texts *labels);
void predicate_free(struct predicate *p);

/*
 * Does m go to whom p (or NULL) describes?  Not when it has expired, nor with
 * a label that is not borne, unless all routing is shown, nor with another
 * type.
 */
bool predicate_passes(const struct predicate *p, unsigned int show,
    const struct message *m, int64_t now_ms);

/* Are all words of match, parted by one space, among the labels? */
bool labels_match(const struct texts *labels, struct sse_text match);

#endif
