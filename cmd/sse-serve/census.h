/*
 * How many connections everyone has, and how fast new ones come: a count and a
 * pace for each key, an address or a client's ID.  All workers share it, so it
 * locks; one that bounds nothing does neither count nor lock.
 */
#ifndef CENSUS_H
#define CENSUS_H

#include <stddef.h>
#include <stdint.h>

#include "sse.h"

struct census;

enum census_answer {
	CENSUS_WELCOME,
	CENSUS_MANY,  /* it has as many as it may */
	CENSUS_FAST,  /* they come too fast */
	CENSUS_NOMEM, /* it cannot be counted */
};

/*
 * max: connections a key may have, rate: new ones in a second, all of which
 * may come at once; 0: as many as it likes.  NULL with ENOMEM.
 */
struct census *census_new(size_t max, unsigned int rate);
void census_free(struct census *c);

/*
 * One comes, at now_us of a clock that does not go back.  Who is welcome is
 * counted until census_leave().
 */
enum census_answer census_enter(
    struct census *c, struct sse_text key, int64_t now_us);
void census_leave(struct census *c, struct sse_text key, int64_t now_us);

/* The pace alone, for one that does not stay. */
enum census_answer census_pass(
    struct census *c, struct sse_text key, int64_t now_us);

/* How many keys are remembered: those that have some, or had a second ago. */
size_t census_keys(struct census *c);

#endif
