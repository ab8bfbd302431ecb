/*
 * Standard output of a program in a pipeline: whole events only, written
 * before every wait, never made non-blocking, watched for a reader that has
 * gone.  It may exit, so only programs use it.
 */
#ifndef STDOUT_H
#define STDOUT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Ignore SIGPIPE, so that a write tells, and see that the three standard
 * descriptors are taken, so that no socket ends up as one of them.  To be
 * called once, first.
 */
void stdout_open(void);

/*
 * A file has taken the place of standard output: call it so in messages.  It
 * is not copied.
 */
void stdout_is(const char *file);

/* What it is called in messages: "standard output" or that file. */
const char *stdout_name(void);

/*
 * Write all of it, waiting as long as the reader takes.  False: interrupt_signal()
 * tells of a signal, the reader has taken nothing for a second since, and the
 * rest is left unwritten.
 * When the reader has gone the program ends quietly with 0; any other fault (a
 * full disk) ends it with EX_IOERR and a message.  Either calls gone() first,
 * when it is not NULL.
 */
bool stdout_write(const void *p, size_t len, void (*gone)(void *), void *arg);

/*
 * What to poll, so that a wait ends when the reader of a pipe or socket has
 * gone: add { STDOUT_FILENO, 0, 0 } to the set and ask this of its revents.
 */
bool stdout_has_gone(short revents);

#endif
