/*
 * Standard input as a source: events in a format of -f.  It is read only when
 * something is there and the hub has room, and stays a blocking descriptor,
 * since other processes may share it.
 */
#ifndef SOURCE_STDIN_H
#define SOURCE_STDIN_H

struct hub;
struct source_stdin;

/* NULL with ENOMEM. */
struct source_stdin *source_stdin_new(struct hub *h);
void source_stdin_free(struct source_stdin *s);

/* Publish what has been read already, whether there is room or not; then end. */
void source_stdin_stop(struct source_stdin *s);

/* The hub has room again: go on with what was read, then read. */
void source_stdin_resume(struct source_stdin *s);

#endif
