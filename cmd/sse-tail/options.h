/*
 * The command line of sse-tail, read and checked.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "output.h"
#include "transfer.h"

/* Constant once it is read; texts are those of argv where not said to be owned. */
struct options {
	char *url;          /* owned: what to request; NULL: standard input */
	const char **types; /* owned: of -e, ntypes of them */
	const char **channels; /* owned: of -c, nchannels of them */
	size_t ntypes, nchannels;
	const char *last_id;      /* of -i; NULL: none */
	struct output *output;    /* owned */
	const char *file;         /* of -o; NULL: standard output */
	const char *show;         /* for Sse-Show beside the place */
	char *shows;              /* owned: where show lies, perhaps */
	unsigned long long count; /* of -n; 0: no end */
	int64_t max_time_ms;      /* of -m; 0: no end */
	int64_t idle_ms, connect_ms;
	size_t max_event;
	int retry; /* -1: as it is without */
	bool gap_fails, quiet, silent, show_error, verbose;
	struct transfer transfer;
};

/* Read them, or end the program as opt.h says. */
void options_read(struct options *o, int argc, char **argv);
void options_free(struct options *o);

#endif
