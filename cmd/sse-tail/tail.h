/*
 * Reading streams to their end: from URLs or from standard input, to standard
 * output or a command, as the options say.
 */
#ifndef TAIL_H
#define TAIL_H

#include "options.h"

/*
 * Read, select and print until there is an end.  Returns the exit status; what
 * is to be said about it has been said.  By a signal, and when the reader of
 * standard output has gone, it does not return.
 */
int tail_run(const struct options *o);

#endif
