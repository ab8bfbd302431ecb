#include <errno.h>

#include "decoder_inner.h"

static struct sse_text
without_bom(struct sse_text line)
{
	if (line.len < 3 || memcmp(line.ptr, "\xef\xbb\xbf", 3) != 0)
		return line;
	return (struct sse_text){ line.ptr + 3, line.len - 3 };
}

/* A line that is not blank, whole and within the limit but for its UTF-8. */
static int
take_doubtful_line(struct sse_decoder *d, struct sse_text line, bool ascii,
    struct sse_buf *from)
{
	size_t bytes = line.len;

	if (d->first)
		line = without_bom(line);
	if (!ascii && sse_utf8_valid(line.ptr, line.len) < line.len) {
		bytes += sse_utf8_length(line.ptr, line.len) - line.len;
		if (bytes >= d->room)
			return sse_block_refuse(d, false);
		d->valid.len = 0;
		if (sse_buf_grow(&d->valid, bytes, d->max) == -1 ||
		    sse_block_keep(d) == -1)
			return -1;
		sse_utf8_append(&d->valid, line.ptr, line.len);
		from = &d->valid;
		line = text(from);
	}
	/* A BOM and no more is a blank line, before any block. */
	if (line.len == 0)
		return 0;
	if (sse_block_line(d, line, from) == -1)
		return -1;
	d->room -= bytes + 1;
	return 0;
}

int
sse_line_end_odd(struct sse_decoder *d, struct sse_text line, bool ascii)
{
	struct sse_buf *from = NULL;
	size_t cut = d->line.len;

	if (d->skipping) {
		if (line.len == 0 && !d->skip_line)
			d->odd = d->skipping = false;
		d->skip_line = false;
		return 0;
	}
	if (line.len + cut > 0) {
		if (line.len >= d->room - cut)
			return sse_block_refuse(d, false);
		if (cut > 0) {
			if (append(d, &d->line, line) == -1)
				return -1;
			from = &d->line;
			line = text(from);
			ascii &= d->line_ascii;
		}
		if (take_doubtful_line(d, line, ascii, from) == -1) {
			if (errno == ENOMEM)
				d->line.len = cut;
			return -1;
		}
		d->line.len = 0;
	}
	d->odd = d->first = false;
	return line.len + cut > 0 ? 0 : block_end(d);
}

int
sse_piece_end(struct sse_decoder *d, struct sse_text rest, bool ascii)
{
	if (rest.len > 0)
		d->after_cr = false;
	if (d->skipping) {
		d->skip_line |= rest.len > 0;
		return 0;
	}
	if (rest.len > d->room - d->line.len)
		return sse_block_refuse(d, true);
	if ((d->room < d->max || rest.len > 0) && sse_block_keep(d) == -1)
		return -1;
	if (rest.len == 0)
		return 0;
	if (append(d, &d->line, rest) == -1)
		return -1;
	d->line_ascii = ascii && (d->line_ascii || d->line.len == rest.len);
	d->odd = true;
	return 0;
}
