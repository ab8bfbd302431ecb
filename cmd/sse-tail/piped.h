/*
 * Standard input as an event stream, pulled as follow.h does a URL.
 */
#ifndef PIPED_H
#define PIPED_H

#include "follow.h"

struct piped;

/* max_bytes and blocks as in follow_conf.  NULL with ENOMEM. */
struct piped *piped_new(size_t max_bytes, bool blocks);
void piped_free(struct piped *p);

/* There is something to read: the next FOLLOW_WAIT may read once. */
void piped_ready(struct piped *p);

/*
 * WAIT, EVENT, BLOCK, DROPPED (piped_fault() says what) or END; FAULT when
 * reading failed, with errno set.
 */
enum follow_what piped_next(struct piped *p, struct event *ev);
const char *piped_fault(const struct piped *p);
const struct sse_decoder *piped_decoder(const struct piped *p);
unsigned long long piped_bytes(const struct piped *p);

#endif
