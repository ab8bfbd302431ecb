/*
 * Input: bytes in one of the formats of -f become events.
 *
 * Text that is not UTF-8 is read with U+FFFD in place of what is not, as any
 * decoder of an event stream would read it.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "event.h"

enum input_format {
	INPUT_LINE,  /* a line is the data of one event; CR before LF goes */
	INPUT_NUL,   /* as line, ended by NUL */
	INPUT_WHOLE, /* all of the input is one event */
	INPUT_SSE,   /* an event stream */
	INPUT_JSON,  /* a JSON line is one event; blank lines are passed over */
};

struct input;

/* Read a name of -f.  -1 when it is none of input's. */
int input_format_parse(const char *name, enum input_format *f);

/*
 * Events of more than max_bytes (0: SSE_MAX_BYTES_DEFAULT) are refused, and no
 * more than one of them is held.  NULL with ENOMEM.
 */
struct input *input_new(enum input_format f, size_t max_bytes);
void input_free(struct input *in);

/*
 * Read len bytes at buf, which may break off anywhere, up to the first event.
 * Returns 1 with *ev set, good until the next call; 0 when all is read; -1
 * with a fault, input_fault() says which, and reading may go on behind it; -2
 * with errno ENOMEM, and the same call may be made again with the bytes from
 * *used on.  *used is set to the bytes read.  The event may point into buf.
 *
 * A block of an event stream that has an id and no data is no event here.
 */
int input_feed(struct input *in, const void *buf, size_t len, size_t *used,
    struct event *ev);

/*
 * The input has ended: as input_feed(), for what it left.  A half line is
 * an event; an unfinished block of an event stream is not, and returns 0, as
 * input_unfinished() then says.  Call until 0 is returned; input_feed() then
 * begins a new one.
 */
int input_end(struct input *in, struct event *ev);
bool input_unfinished(const struct input *in);

/*
 * What was wrong: "line 3: not a JSON object".  The line (in sse: the line
 * where the block begins; in nul: record) counts from 1.
 */
const char *input_fault(const struct input *in);

/* Was it that the event is larger than it may be? */
bool input_too_large(const struct input *in);

/* The line at which the event handed out last began. */
unsigned long long input_line(const struct input *in);

#endif
