/*
 * A place: a point in the one order of all events of a namespace, written
 * "MS-SEQ": milliseconds of Unix time and a sequence number.
 */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place {
	uint64_t ms;
	uint64_t seq;
};

#define PLACE_ZERO ((struct place){ 0, 0 })
#define PLACE_LEN 42 /* the longest, its NUL included */

#define PLACE_LAST ((struct place){ UINT64_MAX, UINT64_MAX })

/* Below 0, 0 or above 0, as a stands before, at or behind b. */
static inline int
place_cmp(struct place a, struct place b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	if (a.seq != b.seq)
		return a.seq < b.seq ? -1 : 1;
	return 0;
}

static inline bool
place_is_zero(struct place p)
{
	return p.ms == 0 && p.seq == 0;
}

static inline struct place
place_max(struct place a, struct place b)
{
	return place_cmp(a, b) < 0 ? b : a;
}

static inline struct place
place_min(struct place a, struct place b)
{
	return place_cmp(a, b) < 0 ? a : b;
}

/* The place of which nothing but p itself stands behind. */
static inline struct place
place_before(struct place p)
{
	if (p.seq > 0)
		return (struct place){ p.ms, p.seq - 1 };
	return (
	    struct place){ p.ms > 0 ? p.ms - 1 : 0, p.ms > 0 ? UINT64_MAX : 0 };
}

/*
 * Read the len bytes at s as a place: two decimal numbers that fit 64 bits,
 * no sign, no leading zero, joined by "-", and not 0-0.
 */
bool place_parse(const char *s, size_t len, struct place *p);

/* Write p with its NUL.  Returns the length without it. */
size_t place_format(struct place p, char buf[static PLACE_LEN]);

/*
 * The place to mint after last at now_ms: the first of this millisecond, or
 * the next after last when the clock stands still or has stepped back.
 */
struct place place_next(struct place last, uint64_t now_ms);

/*
 * May a publisher's own ID p, formed like a place, be adopted as the place of
 * its event?  When it is above the last minted and at most a minute ahead.
 */
bool place_adoptable(struct place p, struct place last, uint64_t now_ms);

#endif
