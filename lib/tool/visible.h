/*
 * Text from strangers, made safe to show on a terminal: it can neither move the
 * cursor nor change the order in which its characters are read.
 */
#ifndef VISIBLE_H
#define VISIBLE_H

#include "sse.h"

/*
 * Append UTF-8 text with every character that does not print written as
 * \uXXXX: controls, what the locale's LC_CTYPE does not know, and the controls
 * of bidirectional text.  LF and TAB stay.  -1 with ENOMEM.
 */
int visible_append(struct sse_buf *b, struct sse_text t);

/*
 * The same for one line of a message, LF and TAB escaped too, in a buffer of
 * cap bytes; what does not fit is cut off, "..." in its place.
 */
const char *visible_line(struct sse_text t, char *buf, size_t cap);

/* Set LC_CTYPE from the environment, or C.UTF-8 where that is not UTF-8. */
void visible_locale(void);

#endif
