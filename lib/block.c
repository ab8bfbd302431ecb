#include <errno.h>

#include "decoder_inner.h"

#define SPARE ((size_t)64 << 10) /* buffers kept beyond max_bytes */

void
sse_block_free(struct sse_decoder *d)
{
	sse_buf_free(&d->type);
	sse_buf_free(&d->id);
	sse_buf_free(&d->data);
	sse_buf_free(&d->fields);
	sse_buf_free(&d->line);
	sse_buf_free(&d->valid);
}

/*
 * Buffers stay for the next block, so that in the long run nothing is
 * allocated; but a stream may not blow up one after the other.
 */
void
sse_block_trim(struct sse_decoder *d)
{
	size_t sum = d->type.cap + d->id.cap + d->data.cap + d->fields.cap +
	    d->line.cap + d->valid.cap;

	if (sum > SPARE && sum - SPARE > d->max)
		sse_block_free(d);
}

/* Data is where it was joined, or kept. */
static void
set_data(struct sse_decoder *d, size_t at)
{
	d->data_at = at;
	d->data_kept = true;
	d->ev.data = (struct sse_text){ d->data.ptr + at, d->data.len - at };
	d->ev.has |= SSE_HAS_DATA;
}

static int
keep_data(struct sse_decoder *d)
{
	if (d->data_kept)
		return 0;
	d->data.len = 0;
	/* A byte more than needed, so that no bytes have a place, too. */
	if (sse_buf_grow(&d->data, d->ev.data.len + 1, d->max) == -1)
		return -1;
	sse_buf_append(&d->data, d->ev.data.ptr, d->ev.data.len);
	set_data(d, 0);
	return 0;
}

int
sse_block_keep(struct sse_decoder *d)
{
	if (d->kept)
		return 0;
	if (d->ev.has & SSE_HAS_EVENT) {
		if (copy(d, &d->type, d->ev.type) == -1)
			return -1;
		d->ev.type = text(&d->type);
	}
	if (d->ev.has & SSE_HAS_ID) {
		if (copy(d, &d->id, d->ev.id) == -1)
			return -1;
		d->ev.id = text(&d->id);
	}
	if (d->ev.has & SSE_HAS_DATA && keep_data(d) == -1)
		return -1;
	d->kept = true;
	return 0;
}

/*
 * A first line of data stays where it is.  When that is a buffer of ours, from,
 * the data takes it over.
 */
static int
take_first_data(
    struct sse_decoder *d, struct sse_text value, struct sse_buf *from)
{
	if (from != NULL) {
		swap(&d->data, from);
		set_data(d, d->data.len - value.len);
		return 0;
	}
	d->data_kept = false;
	d->ev.data = value;
	if (d->kept && keep_data(d) == -1)
		return -1;
	d->ev.has |= SSE_HAS_DATA;
	return 0;
}

static int
take_data(struct sse_decoder *d, struct sse_text value, struct sse_buf *from)
{
	if (!(d->ev.has & SSE_HAS_DATA))
		return take_first_data(d, value, from);
	if (keep_data(d) == -1 ||
	    sse_buf_grow(&d->data, value.len + 1, d->max) == -1)
		return -1;
	d->data.ptr[d->data.len++] = '\n';
	sse_buf_append(&d->data, value.ptr, value.len);
	set_data(d, d->data_at);
	return 0;
}

/* Where the line lies, or in buf once the block is kept. */
static int
take_text(struct sse_decoder *d, struct sse_text value, struct sse_text *to,
    struct sse_buf *buf, unsigned int has)
{
	if (d->kept) {
		if (copy(d, buf, value) == -1)
			return -1;
		value = text(buf);
	}
	*to = value;
	d->ev.has |= has;
	return 0;
}

static int
take_type(struct sse_decoder *d, struct sse_text value)
{
	if (value.len == 0) {
		d->ev.has &= ~SSE_HAS_EVENT;
		return 0;
	}
	return take_text(d, value, &d->ev.type, &d->type, SSE_HAS_EVENT);
}

static int
take_id(struct sse_decoder *d, struct sse_text value)
{
	if (value.len > 0 && memchr(value.ptr, '\0', value.len) != NULL)
		return 0;
	return take_text(d, value, &d->ev.id, &d->id, SSE_HAS_ID);
}

/* The reconnection time is in force at once, whatever becomes of the block. */
static void
take_retry(struct sse_decoder *d, struct sse_text value)
{
	int64_t ms = 0;

	if (value.len == 0)
		return;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return;
		ms = 10 * ms + (value.ptr[i] - '0');
		if (ms > SSE_RETRY_MAX_MS)
			ms = SSE_RETRY_MAX_MS;
	}
	d->ev.retry_ms = d->retry_ms = ms;
	d->ev.has |= SSE_HAS_RETRY;
}

/* A line that is no field of the standard's is kept for who asked for it. */
static int
take_other(struct sse_decoder *d, struct sse_text line)
{
	unsigned int what = line.ptr[0] == ':' ? SSE_ASK_COMMENTS
					       : SSE_ASK_FIELDS;

	if (!(d->asked & what))
		return 0;
	if (sse_buf_grow(&d->fields, line.len + 1, d->max) == -1)
		return -1;
	sse_buf_append(&d->fields, line.ptr, line.len);
	d->fields.ptr[d->fields.len++] = '\n';
	return 0;
}

int
sse_block_line(
    struct sse_decoder *d, struct sse_text line, struct sse_buf *from)
{
	struct sse_text value;

	if (is_field(line, TEXT("data"), &value))
		return take_data(d, value, from);
	if (is_field(line, TEXT("event"), &value))
		return take_type(d, value);
	if (is_field(line, TEXT("id"), &value))
		return take_id(d, value);
	if (is_field(line, TEXT("retry"), &value)) {
		take_retry(d, value);
		return 0;
	}
	return take_other(d, line);
}

int
sse_block_refuse(struct sse_decoder *d, bool within_line)
{
	block_clear(d);
	d->line.len = 0;
	d->first = false;
	d->odd = d->skipping = true;
	d->skip_line = within_line;
	errno = EMSGSIZE;
	return -1;
}
