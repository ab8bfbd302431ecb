/*
 * Output: events become bytes in one of the formats of -f, or by a template
 * with braces.  Bytes are appended to a buffer; stdout.h writes them.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>

#include "event.h"
#include "json.h"

struct output;

/* What a template may name besides the event. */
struct output_context {
	struct sse_text url;      /* {url} */
	unsigned long long count; /* {count}: of this event, from 1 */
	int64_t now_ms;           /* {time:FORMAT}, of arrival, Unix time */
	/* For sse: where the block's further fields are; NULL: there are none. */
	const struct sse_decoder *block;
	struct json_more json; /* how JSON is made, that of {json} too */
};

/*
 * Take format as typed: line, nul, sse, json, or a template (anything with a
 * brace).  In a template {data}, {event} ("message" where there is none), {id},
 * {channel}, {url}, {count} and {json} stand for what they name, {time} for
 * RFC 3339 in UTC, {time:FORMAT} for what strftime(3) makes of it in local time,
 * {{ for a brace, and a backslash begins an escape as in C.
 * NULL with *fault a constant that says what is wrong with it.
 */
struct output *output_new(const char *format, const char **fault);
void output_free(struct output *out);

/*
 * Is it for a terminal?  What comes from the event is then made visible
 * (visible.h); what the template itself says stays as it is.
 */
void output_set_terminal(struct output *out, bool terminal);

/* Are type and ID to be in colours?  Only templates and sse have some. */
void output_set_color(struct output *out, bool color);

/* Are blocks wanted that dispatch no event?  With sse only. */
bool output_takes_blocks(const struct output *out);

/* What Sse-Show must ask for, that the format has all it names; "" or "channel". */
const char *output_show(const struct output *out);

/* Is all that is written of an event its data and an end, as they are? */
bool output_plain(const struct output *out);

/* If so, what ends it. */
struct sse_text output_end(const struct output *out);

/* And append n events.  -1 with errno ENOMEM; some may be appended. */
int output_many(const struct output *out, struct sse_buf *b,
    const struct sse_event *ev, size_t n);

/*
 * Append ev.  -1 with errno ENOMEM, or EINVAL when it is no event (sse only);
 * the buffer is then as before.
 */
int output_event(struct output *out, struct sse_buf *b, const struct event *ev,
    const struct output_context *ctx);

#endif
