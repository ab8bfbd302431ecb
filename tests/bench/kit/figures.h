/*
 * Figures of several rounds, in which all took turns, told by their medians
 * and as ratios within a round.
 */
#ifndef FIGURES_H
#define FIGURES_H

#define ROUNDS_MAX 32

struct figure {
	double round[ROUNDS_MAX];
	int n;
};

void figure_add(struct figure *f, double v);
double figure_median(const struct figure *f);

/* The median of what f was beside base, round by round. */
double figure_ratio(const struct figure *f, const struct figure *base);

/* How far the middle half of the rounds lies apart, in % of the median. */
double figure_spread(const struct figure *f);

#endif
