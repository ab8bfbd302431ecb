/*
 * What an option's file holds, as "@file" names it.
 */
#ifndef FILE_H
#define FILE_H

#include "sse.h"

#define FILE_READ_MAX ((size_t)16 << 20)

/*
 * Append all of it; "-" is standard input.  -1 with *fault a constant, or NULL
 * when errno says what is wrong with the file.
 */
int file_read(const char *path, struct sse_buf *b, const char **fault);

/*
 * The first line of it, for a secret: to be freed by freezero().  NULL as
 * above.
 */
char *file_line(const char *path, const char **fault);

#endif
