/*
 * The command line of sse-serve, read into what is constant from then on.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "access.h"
#include "conf.h"

#define LISTENS_MAX 32

/* What only main() needs; texts borrowed from the command line. */
struct options {
	struct conf conf;
	struct {
		const char *text;
		bool admin;
		bool implied; /* nobody named it */
	} listens[LISTENS_MAX];
	size_t nlistens;
	mode_t socket_mode;
	bool share_port;
	const char *redis_auth; /* NULL: none */
	const char *ready_file; /* NULL: none */
	bool access_log;
	const char *access_path; /* NULL: standard error */
	enum access_format access_format;
	const char *jwt_key; /* NULL: none */
	bool has_fsync, has_speed;
};

/* Ends the program with EX_USAGE, after a message, when it is wrong. */
void options_parse(struct options *o, int argc, char **argv);

/* Releases what options_parse() made. */
void options_clear(struct options *o);

#endif
