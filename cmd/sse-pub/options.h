/*
 * The command line of sse-pub(1).
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus.h"
#include "defaults.h"
#include "input.h"
#include "options_http.h"

/* What it says; constant once it is read. */
struct conf {
	struct defaults defaults;
	struct sse_buf match; /* labels of all --match, joined */
	struct bus_conf bus;
	struct sse_text once;
	struct sse_buf split; /* empty: lines do not name their channel */
	const char *message;  /* NULL: standard input */
	char **command;       /* NULL: none is run */
	enum input_format format;
	bool format_given;
	const char *redis_only; /* an option given that is for Redis alone */
	const char *field;      /* ... that is no plain PUBLISH */
	const char *redis;      /* NULL: not given */
	const char *redis_auth; /* NULL: not given */
	struct options_http http;
	const char *spool; /* NULL: none */
	size_t spool_max;
	bool spool_ok, flush;
	size_t max_event;
	size_t max_batch;
	int64_t timeout_ms;
	uint64_t wait; /* so many are to be reached; 0: not asked */
	unsigned int replicas;
	bool exec, raw, quiet, verbose;
};

/* Read it.  A fault ends the program with EX_USAGE. */
void options_read(struct conf *c, int argc, char **argv);
void options_free(struct conf *c);

#endif
