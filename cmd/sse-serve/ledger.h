/*
 * What was published under which key, remembered without Redis so that a repeat
 * is known.  Bounded by time and by bytes: where they are used up the oldest
 * entry is forgotten.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "named.h"

struct ledger_entry;
TAILQ_HEAD(ledger_list, ledger_entry);

struct ledger {
	struct named_tree by_key;
	struct ledger_list by_age; /* the oldest first */
	size_t bytes;              /* used, all included */
	size_t max_bytes;
	int64_t age_ms; /* entries are kept so long */
};

void ledger_init(struct ledger *l, size_t max_bytes, int64_t age_ms);
void ledger_clear(struct ledger *l);

/*
 * What key stands for; ptr NULL: nothing.  Good until the ledger changes.
 * now_ms is of a clock that never steps.
 */
struct sse_text ledger_find(
    struct ledger *l, struct sse_text key, int64_t now_ms);

/* From now on key stands for a copy of value.  -1 with ENOMEM. */
int ledger_keep(struct ledger *l, struct sse_text key, struct sse_text value,
    int64_t now_ms);

#endif
