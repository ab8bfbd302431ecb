/*
 * Output: events become bytes in one of the formats of -f, or by a template
 * with braces.  Bytes are appended to a buffer; stdout.h writes them.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "event.h"

struct output;

/* What a template may name besides the event. */
struct output_context {
	struct sse_text url;      /* {url} */
	unsigned long long count; /* {count}: of this event, from 1 */
	int64_t now_ms;           /* {time:FORMAT}, of arrival, Unix time */
};

/*
 * Take format as typed: line, nul, sse, json, or a template (anything with a
 * brace).  NULL with *fault saying what is wrong with it, and where.
 */
struct output *output_new(const char *format, const char **fault);
void output_free(struct output *out);

/*
 * Append ev.  {id} is ev->id when has_id.  -1 with ENOMEM, or EINVAL when the
 * format cannot hold it (NUL format, data with NUL: it is written as is).
 */
int output_event(struct output *out, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx);

/* Append what only -f sse can say: a comment.  Nothing in other formats. */
int output_comment(struct output *out, struct sse_buf *b, struct sse_text t);

#endif
