/*
 * Which events are wanted: by type, by what their data matches.
 */
#ifndef SELECT_H
#define SELECT_H

#include <regex.h>
#include <stdbool.h>

#include "event.h"

/* { 0 } selects all but those of sse-serve's own types. */
struct select {
	const char **types; /* owned: any of them; their texts are borrowed */
	size_t ntypes;
	regex_t *greps; /* owned: any of them */
	size_t ngreps;
	const char *until; /* the data that ends it; NULL: none does */
};

/*
 * Add a type, or an extended regular expression, in which ^ and $ are those of
 * each line.  -1 with *fault a text that is good until the next call, in buf.
 */
int select_add_type(struct select *s, const char *type);
int select_add_grep(struct select *s, const char *regex, char *buf, size_t cap);
void select_free(struct select *s);

/* Are all wanted, but those of sse-serve's own types, and none the last one? */
bool select_all(const struct select *s);

/* Is ev wanted?  Is it the last one?  scratch is for regexec() alone. */
bool select_takes(
    const struct select *s, const struct event *ev, struct sse_buf *scratch);
bool select_ends(const struct select *s, const struct event *ev);

#endif
