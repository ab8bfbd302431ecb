/*
 * Where the access log goes: a file, which can be opened anew, or standard
 * error.  All threads write to it, each what it has gathered in a turn, whole
 * lines at a time.  Nobody waits for it: what a pipe does not take is kept for
 * a while, and then lost and counted.
 */
#ifndef ACCESS_LOG_H
#define ACCESS_LOG_H

#include <stdbool.h>

#include "access.h"

struct access_log {
	int fd;           /* the same one for good; -1: there is no log */
	const char *path; /* borrowed; NULL: standard error */
	enum access_format format;
	bool never_waits; /* it is a file */
};

/* Open the file at path; NULL: standard error.  -1 with errno set. */
int access_log_open(
    struct access_log *log, const char *path, enum access_format format);

/*
 * Open the file anew, for it may have been renamed.  -1 with errno set: it goes
 * on as before.
 */
int access_log_reopen(const struct access_log *log);
void access_log_close(struct access_log *log);

/* A thread's lines that are yet to be written. */
struct access_lines {
	const struct access_log *log; /* NULL: there is none */
	struct sse_buf buf;
	uint64_t lost;
};

/* Without memory the line is lost. */
void access_lines_add(struct access_lines *l, const struct access *a);

/* Write what is taken now. */
void access_lines_flush(struct access_lines *l);

/* The same, for the last time. */
void access_lines_free(struct access_lines *l);

#endif
