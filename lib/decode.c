#include <errno.h>

#include "decoder_inner.h"
#include "scan.h"

/*
 * A line ended, of which line is what this piece has.  Returns as
 * sse_decoder_feed().
 */
static inline int
line_end(struct sse_decoder *d, struct sse_text line, bool ascii)
{
	if (d->odd || !ascii)
		return sse_line_end_odd(d, line, ascii);
	if (line.len == 0)
		return block_end(d);
	if (line.len >= d->room)
		return sse_block_refuse(d, false);
	if (sse_block_line(d, line, NULL) == -1)
		return -1;
	d->room -= line.len + 1;
	return 0;
}

/*
 * Most events are one short line, "data: text", and a blank one.  Where such an
 * event is the first thing in a piece it is seen at a glance, without what all
 * other lines take.  Returns the bytes it takes; 0: it is none, look closer.
 */
static inline size_t
glance(struct sse_decoder *d, const char *p, size_t len)
{
	static const char name[] = "data: ";
	const size_t skip = sizeof(name) - 1;
	uint64_t ends, upto;
	struct chunk x;
	size_t n;

	if (len < CHUNK || memcmp(p, name, skip) != 0 || d->odd || d->kept)
		return 0;
	x = chunk_load(p);
	if ((ends = chunk_ends(x)) == 0)
		return 0;
	upto = ends ^ (ends - 1);
	n = (size_t)__builtin_ctzll(ends);
	if (n + 1 == CHUNK || p[n] != '\n' || p[n + 1] != '\n' ||
	    n >= d->room || (chunk_high(x) & upto) != 0)
		return 0;
	d->ev.data = (struct sse_text){ p + skip, n - skip };
	d->ev.has = SSE_HAS_DATA;
	d->after_cr = false;
	return n + 2;
}

int
sse_decoder_feed(struct sse_decoder *d, const void *buf, size_t len,
    size_t *used, const struct sse_event **ev)
{
	const char *p = buf, *eol;
	const char *block = p; /* where it starts, unless it is kept */
	bool ascii, first = d->first;
	struct scan s;
	int r = 0;

	if (d->handed_out)
		block_clear(d);
	*used = 0;
	if (len == 0)
		return 0;
	if ((*used = glance(d, p, len)) > 0) {
		*ev = &d->ev;
		return block_end(d);
	}
	s = scan_start(p, len);
	while (r == 0 && (eol = scan_line(&s, &ascii)) != NULL) {
		if (!d->after_cr || eol > p || *eol == '\r')
			r = line_end(d,
			    (struct sse_text){ p, (size_t)(eol - p) }, ascii);
		if (r == -1 && errno == ENOMEM)
			goto undo;
		if (eol == p && d->room == d->max)
			block = eol + 1;
		d->after_cr = *eol == '\r';
		p = eol + 1;
	}
	if (r == 0) {
		r = sse_piece_end(
		    d, (struct sse_text){ p, (size_t)(s.end - p) }, ascii);
		if (r == -1 && errno == ENOMEM)
			goto undo;
		p = s.end;
	}
	*used = (size_t)(p - (const char *)buf);
	*ev = &d->ev;
	return r;
undo:
	/* What is not kept is to be fed again, from the block's start on. */
	if (!d->kept) {
		block_clear(d);
		if ((p = block) == buf && first)
			d->odd = d->first = true;
	}
	*used = (size_t)(p - (const char *)buf);
	return -1;
}
