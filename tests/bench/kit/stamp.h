/*
 * What the data of a measured event begin with: its number and when it was
 * published, in hexadecimal.
 */
#ifndef STAMP_H
#define STAMP_H

#include <stddef.h>
#include <stdint.h>

#define STAMP_LEN ((size_t)(8 + 16))

uint64_t stamp_now_ns(void); /* CLOCK_MONOTONIC: the same for all processes */
double stamp_now_s(void);

/* Write the stamp of number n, and letters up to size, which is as long. */
void stamp_write(char *p, size_t size, uint32_t n, uint64_t ns);

/* Read STAMP_LEN bytes; -1 when they are none. */
int stamp_read(const char *p, uint32_t *n, uint64_t *ns);

#endif
