/*
 * Options that are numbers, times or sizes, each within its bounds.
 */
#ifndef OPTIONS_BOUND_H
#define OPTIONS_BOUND_H

#include "conf.h"

#define WORKERS_MAX 64 /* as many as bits in history.followers */

/*
 * Take the option of this letter, whose value is optarg.  False: it is no
 * number.  One out of bounds ends the program with EX_USAGE.
 */
bool options_bound_set(struct conf *c, int letter);

#endif
