#include "latency.h"

static unsigned int
class_of(uint64_t ns)
{
	unsigned int power;

	if (ns < 256)
		return (unsigned int)ns;
	power = 63u - (unsigned int)__builtin_clzll(ns);
	return (power - 7) * 256 + (unsigned int)(ns >> (power - 8) & 255);
}

/* The highest that a class holds. */
static uint64_t
top_of(unsigned int class)
{
	unsigned int power = class / 256 + 7;

	if (class < 256)
		return class;
	return ((uint64_t)(256 + class % 256 + 1) << (power - 8)) - 1;
}

void
latency_add(struct latency *l, uint64_t ns)
{
	l->count[class_of(ns)]++;
	l->n++;
	if (ns > l->max_ns)
		l->max_ns = ns;
}

void
latency_merge(struct latency *sum, const struct latency *l)
{
	for (unsigned int i = 0; i < LATENCY_CLASSES; i++)
		sum->count[i] += l->count[i];
	sum->n += l->n;
	if (l->max_ns > sum->max_ns)
		sum->max_ns = l->max_ns;
}

uint64_t
latency_at(const struct latency *l, double share)
{
	uint64_t due = (uint64_t)((double)l->n * share), seen = 0;

	for (unsigned int i = 0; i < LATENCY_CLASSES; i++) {
		seen += l->count[i];
		if (seen > due)
			return top_of(i) < l->max_ns ? top_of(i) : l->max_ns;
	}
	return l->max_ns;
}
