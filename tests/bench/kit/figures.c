#include <stdlib.h>

#include "figures.h"

void
figure_add(struct figure *f, double v)
{
	if (f->n < ROUNDS_MAX)
		f->round[f->n++] = v;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
quantile(const struct figure *f, double share)
{
	struct figure sorted = *f;

	if (f->n == 0)
		return 0.;
	qsort(sorted.round, (size_t)f->n, sizeof(double), by_size);
	return sorted.round[(int)((f->n - 1) * share + .5)];
}

double
figure_median(const struct figure *f)
{
	return quantile(f, .5);
}

double
figure_ratio(const struct figure *f, const struct figure *base)
{
	struct figure ratio = { .n = 0 };

	for (int i = 0; i < f->n && i < base->n; i++)
		figure_add(&ratio, f->round[i] / base->round[i]);
	return figure_median(&ratio);
}

double
figure_spread(const struct figure *f)
{
	double median = figure_median(f);

	if (f->n < 2 || median <= 0.)
		return 0.;
	return (quantile(f, .75) - quantile(f, .25)) / median * 100.;
}
