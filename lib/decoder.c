#include <errno.h>
#include <stdlib.h>

#include "decoder_inner.h"

struct sse_decoder *
sse_decoder_new(size_t max_bytes)
{
	struct sse_decoder *d;

	if ((d = calloc(1, sizeof(*d))) == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	d->max = max_bytes > 0 ? max_bytes : SSE_MAX_BYTES_DEFAULT;
	d->retry_ms = -1;
	sse_decoder_reset(d);
	return d;
}

void
sse_decoder_free(struct sse_decoder *d)
{
	if (d == NULL)
		return;
	sse_block_free(d);
	sse_buf_free(&d->last_id);
	free(d);
}

void
sse_decoder_reset(struct sse_decoder *d)
{
	block_clear(d);
	d->line.len = 0;
	d->odd = d->first = true;
	d->after_cr = false;
	d->skipping = false;
	d->skip_line = false;
}

void
sse_decoder_ask(struct sse_decoder *d, unsigned int what)
{
	d->ask = what;
	if (d->room == d->max && d->line.len == 0)
		d->asked = what;
}

int
sse_decoder_field(
    const struct sse_decoder *d, size_t *iter, struct sse_field *f)
{
	const char *line, *lf, *colon;

	if (!d->handed_out || *iter >= d->fields.len)
		return 0;
	line = d->fields.ptr + *iter;
	lf = memchr(line, '\n', d->fields.len - *iter);
	if ((colon = memchr(line, ':', (size_t)(lf - line))) == NULL)
		colon = lf;
	f->name = (struct sse_text){ line, (size_t)(colon - line) };
	if (colon < lf && *++colon == ' ')
		colon++;
	f->value = (struct sse_text){ colon, (size_t)(lf - colon) };
	*iter += (size_t)(lf + 1 - line);
	return 1;
}

struct sse_text
sse_decoder_last_id(const struct sse_decoder *d)
{
	return text(&d->last_id);
}

int
sse_decoder_set_last_id(struct sse_decoder *d, const char *id, size_t len)
{
	struct sse_buf b = { NULL, 0, 0 };

	for (size_t i = 0; i < len; i++)
		if (id[i] == '\0' || id[i] == '\r' || id[i] == '\n') {
			errno = EINVAL;
			return -1;
		}
	/* Copied before the old one goes, which id may be. */
	if (sse_buf_append(&b, id, len) == -1)
		return -1;
	sse_buf_free(&d->last_id);
	d->last_id = b;
	return 0;
}

int64_t
sse_decoder_retry_ms(const struct sse_decoder *d)
{
	return d->retry_ms;
}

void
sse_decoder_set_retry_ms(struct sse_decoder *d, int64_t ms)
{
	if (ms < 0)
		ms = -1;
	d->retry_ms = ms < SSE_RETRY_MAX_MS ? ms : SSE_RETRY_MAX_MS;
}
