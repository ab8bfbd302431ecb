/*
 * The marks of clients where there is no Redis to keep them: up to which place
 * each has read, as long as what it reads is kept.
 */
#ifndef MARKS_H
#define MARKS_H

#include <sys/queue.h>

#include "named.h"
#include "place.h"

#define MARKS_MAX 100000 /* clients; the one that was silent longest goes */

struct mark;

TAILQ_HEAD(mark_list, mark);

struct marks {
	struct named_tree names;
	struct mark_list by_use; /* oldest first */
	size_t n;
};

void marks_init(struct marks *m);
void marks_clear(struct marks *m);

/* Zero: there is none, or it is over at now_ms. */
struct place marks_get(
    const struct marks *m, struct sse_text client, int64_t now_ms);

/*
 * Move the mark, never back, and keep it until until_ms (0: for ever).  Returns
 * it as it stands then; zero with ENOMEM.
 */
struct place marks_move(struct marks *m, struct sse_text client,
    struct place place, int64_t until_ms, int64_t now_ms);

#endif
