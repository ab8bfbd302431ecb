/*
 * The command line of sse-tail, read and checked.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "output.h"
#include "select.h"
#include "transfer.h"

#define CONFIGS_MAX 16

enum gap_action { GAP_WARN, GAP_FAIL, GAP_IGNORE };
enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Constant once it is read; texts are those of argv where not said to be owned. */
struct options {
	char **urls;  /* owned, nurls of them; none: standard input */
	char **names; /* owned: the same without what --last asks for */
	const char **operands; /* owned: what they were made of */
	const char **channels; /* owned: of -c, nchannels of them */
	size_t nurls, noperands, nchannels;
	struct config configs[CONFIGS_MAX]; /* owned: of -K, nconfigs of them */
	size_t nconfigs;
	const char *last_id;     /* of -i; NULL: none */
	unsigned long long last; /* of --last; 0: none */
	struct output *output;   /* owned */
	const char *file;        /* of -o; NULL: standard output */
	const char *show;        /* for Sse-Show beside the place */
	char *shows;             /* owned: where show lies, perhaps */
	struct select select;
	unsigned long long count; /* of -n; 0: no end */
	int64_t max_time_ms;      /* of -m; 0: no end */
	int64_t idle_ms, connect_ms;
	int64_t idle_exit_ms; /* 0: never */
	size_t max_event;
	int retry; /* -1: as it is without */
	int64_t retry_max_ms;
	bool retry_first, retry_post, no_reconnect, fail_early;
	const char *state, *capture; /* files; NULL: none */
	const char *exec;            /* NULL: none */
	const char *secret_name;     /* a variable that --exec is not to see */
	const char *lax; /* a file of a secret, and others can read it; NULL */
	unsigned int exec_retries;
	int64_t exec_ms; /* 0: no end */
	enum gap_action gap;
	enum color color;
	bool quiet, silent, show_error, json_data, stats;
	unsigned int verbose;
	struct transfer transfer;
};

/* Read them, or end the program as opt.h says. */
void options_read(struct options *o, int argc, char **argv);
void options_free(struct options *o);

#endif
