#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ack.h"
#include "bus_entries.h"
#include "redis_link.h"
#include "units.h"

#define WAIT_MS 5000
#define AT_ONCE 1000 /* entries in one command */

struct ack {
	const char *key, *group;
	struct redis_link *link;
	struct place *given; /* owned: handed out and not acknowledged */
	size_t n, cap;
	uint64_t before; /* how many were acknowledged before those */
	char mark[24];
};

struct ack *
ack_new(const struct redis_url *u, const char *key, const char *group)
{
	struct ack *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->key = key;
	a->group = group;
	if ((a->link = redis_link_new(u)) == NULL) {
		free(a);
		return NULL;
	}
	return a;
}

void
ack_free(struct ack *a)
{
	if (a == NULL)
		return;
	redis_link_free(a->link);
	free(a->given);
	free(a);
}

int
ack_add(struct ack *a, struct place p)
{
	if (a->n == a->cap) {
		size_t cap = a->cap == 0 ? 64 : 2 * a->cap;
		struct place *grown = reallocarray(
		    a->given, cap, sizeof(*grown));

		if (grown == NULL)
			return -1;
		a->given = grown;
		a->cap = cap;
	}
	a->given[a->n++] = p;
	return 0;
}

bool
ack_has(const struct ack *a, struct place p)
{
	for (size_t i = 0; i < a->n; i++)
		if (place_cmp(a->given[i], p) == 0)
			return true;
	return false;
}

struct sse_text
ack_mark(struct ack *a)
{
	int len = snprintf(
	    a->mark, sizeof(a->mark), "%" PRIu64, a->before + a->n);

	return (struct sse_text){ a->mark, (size_t)len };
}

static bool
acknowledge(struct ack *a, size_t n)
{
	struct bus_command c = { 0 };
	int64_t deadline_ms = clock_mono_ms() + WAIT_MS;
	redisReply *r = NULL;
	bool done;

	if (redis_link_open(a->link, deadline_ms) != REDIS_LINK_OK ||
	    bus_ack_command(a->key, a->group, a->given, n, &c) == -1)
		return false;
	done = redis_link_send(a->link, &c) == REDIS_LINK_OK &&
	    redis_link_reply(a->link, &r, deadline_ms) == REDIS_LINK_OK &&
	    bus_answer_of(r) == BUS_OK;
	freeReplyObject(r);
	bus_command_free(&c);
	return done;
}

void
ack_taken(struct ack *a, struct sse_text mark)
{
	char text[24] = "";
	uint64_t upto;

	if (mark.len >= sizeof(text))
		return;
	memcpy(text, mark.ptr, mark.len);
	upto = strtoull(text, NULL, 10);
	while (a->n > 0 && a->before < upto) {
		size_t n = a->n < upto - a->before ? a->n
						   : (size_t)(upto - a->before);

		if (n > AT_ONCE)
			n = AT_ONCE;
		if (!acknowledge(a, n))
			return;
		memmove(a->given, a->given + n, (a->n - n) * sizeof(*a->given));
		a->n -= n;
		a->before += n;
	}
}

void
ack_forget(struct ack *a)
{
	a->before += a->n;
	a->n = 0;
}
