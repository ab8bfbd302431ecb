/*
 * What is said on standard error besides faults of use, as -q, -s, -S and -v
 * have it.
 */
#ifndef SAY_H
#define SAY_H

#include "options.h"

/* Of what was lost; -q and -s switch it off. */
void say_warning(const struct options *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Of what ends a URL or the program; -s switches it off, -S on again. */
void say_fault(const struct options *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Of a connection's life, with the time; -v switches it on. */
void say_life(const struct options *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
