#include "decoder_inner.h"
#include "scan.h"

/* A plain block: one line of data, and perhaps an ID; else that in force. */
struct plain {
	struct sse_text data, id;
	unsigned int has;
};

/* Take a line of it.  False: the block is no plain one. */
static inline bool
plain_line(struct plain *b, struct sse_text line)
{
	if ((b->has & SSE_HAS_DATA) == 0 &&
	    is_field(line, TEXT("data"), &b->data)) {
		b->has |= SSE_HAS_DATA;
		return true;
	}
	b->has |= SSE_HAS_ID;
	return is_field(line, TEXT("id"), &b->id) &&
	    memchr(b->id.ptr, '\0', b->id.len) == NULL;
}

/*
 * The block that begins at p, where s is.  Returns the byte behind it; NULL: it
 * is no plain one, or not whole.
 */
static inline const char *
plain_block(
    const struct sse_decoder *d, struct scan *s, const char *p, struct plain *b)
{
	size_t room = d->max, len;
	const char *eol;
	bool ascii;

	b->has = 0;
	do {
		if ((eol = scan_line(s, &ascii)) == NULL || *eol != '\n')
			return NULL;
		len = (size_t)(eol - p);
		if (len >= room || (!ascii && sse_utf8_valid(p, len) < len) ||
		    !plain_line(b, (struct sse_text){ p, len }))
			return NULL;
		room -= len + 1;
		p = eol + 1;
		if (p == s->end)
			return NULL;
	} while (*p != '\n');
	scan_pass(s);
	return (b->has & SSE_HAS_DATA) != 0 ? p + 1 : NULL;
}

size_t
sse_decoder_feed_many(struct sse_decoder *d, const void *buf, size_t len,
    size_t *used, struct sse_event *ev, size_t max)
{
	struct plain b = { .id = text(&d->last_id) };
	const char *p = buf, *end;
	unsigned int has = 0;
	struct scan s;
	size_t n;

	if (d->handed_out)
		block_clear(d);
	*used = 0;
	if (d->odd || d->room < d->max || len == 0)
		return 0;
	s = scan_start(p, len);
	for (n = 0; n < max && (end = plain_block(d, &s, p, &b)) != NULL; n++) {
		ev[n] = (struct sse_event){ TEXT("message"), b.data, b.id, -1,
			b.has };
		has |= b.has;
		p = end;
	}
	/* Events before the first that has one bear the old one yet. */
	if ((has & SSE_HAS_ID) != 0) {
		if (copy(d, &d->id, ev[n - 1].id) == -1)
			return 0;
		swap(&d->id, &d->last_id);
	}
	if (n > 0)
		d->after_cr = false;
	*used = (size_t)(p - (const char *)buf);
	return n;
}
