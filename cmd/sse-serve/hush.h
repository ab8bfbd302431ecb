/*
 * Lines on standard error that strangers can cause are said no faster than
 * somebody can read them; how many were not said is said instead.  Pure but for
 * hush_tell() and hush_says().
 */
#ifndef HUSH_H
#define HUSH_H

#include <stdbool.h>
#include <stdint.h>

#define HUSH_LINES 20          /* at once, and in each span */
#define HUSH_MS INT64_C(10000) /* a span */

struct hush {
	int64_t began_ms; /* of the span; 0: none yet */
	unsigned int said;
	uint64_t kept; /* not said in it */
};

/* May a line be said at now_ms?  Call hush_over() before. */
bool hush_pass(struct hush *h, int64_t now_ms);

/* The lines that were kept, once their span is over; else 0. */
uint64_t hush_over(struct hush *h, int64_t now_ms);

/* When that will be; -1: no lines are kept. */
int64_t hush_due_ms(const struct hush *h);

/* Say how many were kept, when it is time to: to be called then. */
void hush_tell(struct hush *h, int64_t now_ms);

/* The same, and whether a line may be said. */
bool hush_says(struct hush *h, int64_t now_ms);

/* It is the end: say it now. */
void hush_end(struct hush *h);

#endif
