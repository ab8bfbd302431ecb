/*
 * A map: which channel's events go to which other.
 */
#ifndef MAP_H
#define MAP_H

#include <stdbool.h>

#include "event.h"

/* FROM=TO, each with one "*" or none; that of TO stands for what FROM's is. */
struct map {
	struct sse_text from, to; /* borrowed */
};

/* Read "FROM=TO".  -1 with *fault a constant. */
int map_parse(struct map *m, const char *s, const char **fault);

/*
 * Where channel goes by the first of n maps that it matches, written to buf.
 * Returns whether any does; *to is empty when what comes of it is no channel.
 */
bool map_apply(const struct map *maps, size_t n, struct sse_text channel,
    char buf[static CHANNEL_MAX], struct sse_text *to);

#endif
