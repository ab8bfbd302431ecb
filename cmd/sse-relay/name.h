/*
 * A relay's name: what its mark is stored under and what "via" says.
 */
#ifndef NAME_H
#define NAME_H

#include <stdbool.h>

#include "sse.h"

#define NAME_MAX_BYTES 64
#define NAME_MADE 17 /* a made one, its NUL included */

/* 1 to 64 letters, digits, ".", "_" and "-". */
bool name_valid(const char *name);

/*
 * The name of a relay from source to sink, on host when that is not empty: 16
 * hexadecimal digits, a hash.
 */
void name_make(const char *source, const char *sink, const char *host,
    char name[static NAME_MADE]);

/* Is name one of those in via, which are joined by one space? */
bool name_in(const char *name, struct sse_text via);

#endif
