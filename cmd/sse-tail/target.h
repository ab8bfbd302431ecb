/*
 * Which URL is requested: the one that was typed, with the channels of -c.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stddef.h>

/*
 * Put the n channels into the path of url, percent-encoded and joined by
 * commas: behind /events/, which is added to a path that has none.  last, unless
 * it is 0, is put into the query.
 * The URL is the caller's to free.  NULL with *fault a constant that says what
 * is wrong with it ("out of memory" among them).
 */
char *target_url(const char *url, const char *const *channels, size_t n,
    unsigned long long last, const char **fault);

#endif
