/*
 * What the parts of the decoder know of each other: decoder.c has its life,
 * decode.c feeds it, line.c has the lines that a piece cuts and those that need
 * a closer look, block.c what a block's lines say, plain.c takes many plain
 * blocks at once.  What is done for most events is here, to be inlined.
 */
#ifndef DECODER_INNER_H
#define DECODER_INNER_H

#include <stdbool.h>
#include <string.h>

#include "inner.h"

/*
 * A block is first borrowed: its texts point into the piece that is being
 * read.  It is kept, in buffers of the decoder's own, once the piece ends
 * before it does.  So an event that lies in one piece is not copied.
 */
struct sse_decoder {
	/* The block being read. */
	struct sse_event ev;
	size_t room; /* bytes it may take yet; a line end takes one */
	bool kept;
	struct sse_buf type; /* of a block that is kept */
	struct sse_buf id;   /* the same; not in force before the block ends */
	struct sse_buf data; /* the same, or joined of several lines */
	size_t data_at;      /* where in there it begins */
	bool data_kept;      /* it is in there */
	struct sse_buf fields; /* lines that were asked for, LF after each */
	unsigned int asked;    /* SSE_ASK_* for this block */

	/* The place in the stream. */
	struct sse_buf line;  /* the start of a line that the last piece cut */
	struct sse_buf valid; /* a line whose invalid UTF-8 was replaced */
	bool line_ascii;      /* the start is */
	bool odd;             /* any of first, skipping, and a cut line */
	bool first;           /* no line has ended: a BOM may be there */
	bool skipping;        /* the block was too large: on to its end */
	bool skip_line;       /* while skipping: within a line */
	bool after_cr;        /* a LF belongs to the line end before it */
	bool handed_out;      /* the block was; the next feed clears it */

	/* What outlives a connection. */
	struct sse_buf last_id;
	int64_t retry_ms;
	size_t max;
	unsigned int ask;
};

/* No buffer needs more than the limit, so it does not grow beyond. */
static inline int
append(struct sse_decoder *d, struct sse_buf *b, struct sse_text t)
{
	if (sse_buf_grow(b, t.len, d->max) == -1)
		return -1;
	return sse_buf_append(b, t.ptr, t.len);
}

/* Make b hold t instead of what it holds; when that fails it still does. */
static inline int
copy(struct sse_decoder *d, struct sse_buf *b, struct sse_text t)
{
	if (t.len > b->len && sse_buf_grow(b, t.len - b->len, d->max) == -1)
		return -1;
	b->len = 0;
	return sse_buf_append(b, t.ptr, t.len);
}

/* The buffers that do not outlive a connection. */
void sse_block_free(struct sse_decoder *d);

/* Free them, if they hold too much. */
void sse_block_trim(struct sse_decoder *d);

/* Forget the block, and whatever of it the decoder holds. */
static inline void
block_clear(struct sse_decoder *d)
{
	if (d->kept)
		sse_block_trim(d);
	d->ev.has = 0;
	d->room = d->max;
	d->kept = false;
	d->fields.len = 0;
	d->asked = d->ask;
	d->handed_out = false;
}

/*
 * Make the block's texts the decoder's own; from now on they stay so.  -1 with
 * ENOMEM; the same may be done again.
 */
int sse_block_keep(struct sse_decoder *d);

/*
 * Take a line of the block, not blank, within the limit and valid UTF-8.  From
 * is the buffer of ours that it is in, up to its end, or NULL.  -1 with ENOMEM.
 */
int sse_block_line(
    struct sse_decoder *d, struct sse_text line, struct sse_buf *from);

/* Drop the block and pass over what is left of it: -1 with EMSGSIZE. */
int sse_block_refuse(struct sse_decoder *d, bool within_line);

/* The blank line came.  Returns as sse_decoder_feed(). */
static inline int
block_end(struct sse_decoder *d)
{
	if (d->ev.has & SSE_HAS_ID) {
		if (d->kept)
			swap(&d->id, &d->last_id);
		else if (copy(d, &d->last_id, d->ev.id) == -1)
			return -1;
	}
	d->ev.id = text(&d->last_id);
	if (!(d->ev.has & SSE_HAS_EVENT))
		d->ev.type = TEXT("message");
	if (!(d->ev.has & SSE_HAS_RETRY))
		d->ev.retry_ms = -1;
	d->handed_out = true;
	if (d->ev.has & SSE_HAS_DATA)
		return 1;
	d->ev.data = TEXT("");
	if (d->asked & SSE_ASK_BLOCKS && d->room < d->max)
		return 2;
	block_clear(d);
	return 0;
}

/* Is line the field of that name?  If so *value is what it says. */
static inline bool
is_field(struct sse_text line, struct sse_text name, struct sse_text *value)
{
	size_t skip = name.len + 1;

	if (line.len < name.len || memcmp(line.ptr, name.ptr, name.len) != 0)
		return false;
	if (line.len == name.len) {
		*value = TEXT("");
		return true;
	}
	if (line.ptr[name.len] != ':')
		return false;
	if (skip < line.len && line.ptr[skip] == ' ')
		skip++;
	*value = (struct sse_text){ line.ptr + skip, line.len - skip };
	return true;
}

/*
 * A line ended that may be the first of the stream, not ASCII, cut by the end
 * of the last piece, so that its start is in d->line, or of a block that is
 * skipped.  Line is what this piece has.  Returns as sse_decoder_feed().
 */
int sse_line_end_odd(struct sse_decoder *d, struct sse_text line, bool ascii);

/*
 * The piece ended, and rest is the line that it cuts, if any.  Returns 0, or -1
 * as sse_decoder_feed().
 */
int sse_piece_end(struct sse_decoder *d, struct sse_text rest, bool ascii);

#endif
