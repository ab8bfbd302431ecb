/*
 * How many files may be open.
 */
#ifndef FILES_H
#define FILES_H

#include "options.h"

/*
 * Each of n URLs wants a descriptor: as many as may be had, with a warning when
 * they are too few, for to libcurl a lack of them has no name.
 */
void files_allow(const struct options *o, size_t n);

#endif
