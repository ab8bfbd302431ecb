#include <stdlib.h>
#include <string.h>

#include "ledger.h"

struct ledger_entry {
	struct named named; /* first: the key */
	TAILQ_ENTRY(ledger_entry) entry;
	int64_t until_ms;
	char *value; /* owned */
	size_t len;
};

void
ledger_init(struct ledger *l, size_t max_bytes, int64_t age_ms)
{
	RB_INIT(&l->by_key);
	TAILQ_INIT(&l->by_age);
	l->bytes = 0;
	l->max_bytes = max_bytes;
	l->age_ms = age_ms;
}

/* With what an allocation costs beside its bytes. */
static size_t
cost(const struct ledger_entry *e)
{
	return sizeof(*e) + e->named.name.len + e->len + 32;
}

static void
forget(struct ledger *l, struct ledger_entry *e)
{
	l->bytes -= cost(e);
	named_remove(&l->by_key, &e->named);
	TAILQ_REMOVE(&l->by_age, e, entry);
	free(e->value);
	free(e);
}

void
ledger_clear(struct ledger *l)
{
	struct ledger_entry *e;

	while ((e = TAILQ_FIRST(&l->by_age)) != NULL)
		forget(l, e);
}

/* All entries live equally long, so the oldest is the first to go. */
static void
expire(struct ledger *l, int64_t now_ms)
{
	struct ledger_entry *e;

	while ((e = TAILQ_FIRST(&l->by_age)) != NULL && e->until_ms <= now_ms)
		forget(l, e);
}

struct sse_text
ledger_find(struct ledger *l, struct sse_text key, int64_t now_ms)
{
	struct ledger_entry *e;

	expire(l, now_ms);
	e = named_find(&l->by_key, key);
	if (e == NULL)
		return (struct sse_text){ NULL, 0 };
	return (struct sse_text){ e->value, e->len };
}

int
ledger_keep(struct ledger *l, struct sse_text key, struct sse_text value,
    int64_t now_ms)
{
	struct ledger_entry *e = named_find(&l->by_key, key);
	char *copy = malloc(value.len + 1);

	if (copy == NULL)
		return -1;
	if (value.len > 0)
		memcpy(copy, value.ptr, value.len);
	copy[value.len] = '\0';
	if (e != NULL)
		forget(l, e);
	if ((e = named_new(sizeof(*e), key)) == NULL) {
		free(copy);
		return -1;
	}
	e->value = copy;
	e->len = value.len;
	e->until_ms = now_ms + l->age_ms;
	l->bytes += cost(e);
	named_insert(&l->by_key, &e->named);
	TAILQ_INSERT_TAIL(&l->by_age, e, entry);
	while (l->bytes > l->max_bytes && TAILQ_FIRST(&l->by_age) != e)
		forget(l, TAILQ_FIRST(&l->by_age));
	return 0;
}
