/*
 * Standard input as a source: events in a format of -f.  It is read only when
 * something is there and the hub has room, and stays a blocking descriptor,
 * since other processes may share it.
 */
#ifndef SOURCE_STDIN_H
#define SOURCE_STDIN_H

struct hub;
struct source;

/* NULL with ENOMEM. */
struct source *source_stdin_new(struct hub *h);

#endif
