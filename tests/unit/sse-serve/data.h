/*
 * What the tests of sse-serve's data path share: messages made in a line, and
 * chance that can be repeated.
 */
#ifndef DATA_H
#define DATA_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/message.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/* A failure names the seed, so that it can be seen again. */
static uint32_t seed;

#define hold_true(what)                                                     \
	do {                                                                \
		if (!(what)) {                                              \
			fail_msg("seed %u: %s", (unsigned int)seed, #what); \
			abort(); /* for checkers: it does not return */     \
		}                                                           \
	} while (0)

static struct {
	uint64_t at;
} chance;

static inline void
chance_begin(uint32_t from)
{
	seed = from;
	chance.at = from * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* Below n, which is above 0. */
static inline uint32_t
chance_below(uint32_t n)
{
	chance.at ^= chance.at << 13;
	chance.at ^= chance.at >> 7;
	chance.at ^= chance.at << 17;
	return (uint32_t)((chance.at >> 32) % n);
}

static inline struct place
place_of(uint64_t ms, uint64_t seq)
{
	return (struct place){ ms, seq };
}

static inline bool
place_same(struct place a, struct place b)
{
	return place_cmp(a, b) == 0;
}

/* An event of a channel with some data, to be changed and then made. */
static inline struct event
event_in(const char *channel)
{
	struct event ev = EVENT_NONE;

	ev.channel = text_of(channel);
	ev.data = TEXT("text");
	ev.has_data = true;
	return ev;
}

static inline struct message *
message_from(const struct event *ev, struct place place, struct place prev)
{
	struct sse_buf scratch = { 0 };
	struct message *m = message_new(&scratch, ev, place, prev);

	assert_non_null(m);
	sse_buf_free(&scratch);
	return m;
}

static inline struct message *
message_at(const char *channel, struct place place, struct place prev)
{
	struct event ev = event_in(channel);

	return message_from(&ev, place, prev);
}

static inline unsigned int
message_refs(struct message *m)
{
	return atomic_load(&m->refs);
}

#endif
