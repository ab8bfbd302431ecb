/*
 * Numbers as they are typed, and as the kernel writes them.
 */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#define NUMBER_MAX 100000000

/* A count from 1 to max, seconds above 0; else the program ends: EX_USAGE. */
int number_count(const char *s, int max);
double number_seconds(const char *s);

/*
 * The number behind key ("Slab:") where a line of the file at path begins with
 * it, in *n; 0 when none does.  False with errno when it cannot be opened.
 */
bool number_in(const char *path, const char *key, uint64_t *n);

#endif
