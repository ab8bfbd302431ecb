/*
 * The command line: what it says, read and checked.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

#include "bus.h"
#include "endpoint.h"
#include "follow.h"
#include "input.h"
#include "map.h"
#include "name.h"
#include "options_http.h"
#include "output.h"

/* Constant once it is read. */
struct conf {
	struct endpoint source;
	struct endpoint sink;
	struct endpoint_pair pair;
	struct bus_conf bus;
	bool trims;         /* -n was given: a plain Redis stream is cut, too */
	const char *format; /* NULL: not given */
	enum input_format input;
	struct output *output; /* of a sink - */
	const char *filter;    /* NULL: none */
	const char *from;      /* NULL: not given */
	struct map *maps;      /* owned */
	size_t nmaps;
	struct options_http http; /* owned */
	const char *metrics;      /* NULL: none */
	const char *redis;        /* NULL: not given */
	const char *redis_auth;   /* likewise */
	const char *state;        /* NULL: none */
	const char *name;         /* NULL: not given */
	char made[NAME_MADE];
	const char *via; /* what events bear of it: the name given, or made */
	char made_via[NAME_MADE];
	size_t max_event;
	int64_t timeout_ms;
	bool mint; /* IDs are not kept */
	bool gap_fail;
	bool stats;
	int verbose; /* -1: quiet */
};

/*
 * Read it.  What is wrong with it ends the program, as -h and -V do.
 */
void options_read(struct conf *c, int argc, char **argv);
void options_free(struct conf *c);

#endif
