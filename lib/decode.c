#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "inner.h"
#include "scan.h"

#define SPARE ((size_t)64 << 10) /* buffers kept beyond max_bytes */

/* For what is rare, so that it does not burden what is not. */
#define NOINLINE __attribute__((noinline))

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
static int
append(struct sse_decoder *d, struct sse_buf *b, struct sse_text t)
{
	if (sse_buf_grow(b, t.len, d->max) == -1)
		return -1;
	return sse_buf_append(b, t.ptr, t.len);
}

/* Make b hold t instead of what it holds; when that fails it still does. */
static int
copy(struct sse_decoder *d, struct sse_buf *b, struct sse_text t)
{
	if (t.len > b->len && sse_buf_grow(b, t.len - b->len, d->max) == -1)
		return -1;
	b->len = 0;
	return sse_buf_append(b, t.ptr, t.len);
}

static void
free_buffers(struct sse_decoder *d)
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
NOINLINE static void
trim(struct sse_decoder *d)
{
	size_t sum = d->type.cap + d->id.cap + d->data.cap + d->fields.cap +
	    d->line.cap + d->valid.cap;

	if (sum > SPARE && sum - SPARE > d->max)
		free_buffers(d);
}

/* Forget the block, and whatever of it the decoder holds. */
static inline void
block_clear(struct sse_decoder *d)
{
	if (d->kept)
		trim(d);
	d->ev.has = 0;
	d->room = d->max;
	d->kept = false;
	d->fields.len = 0;
	d->asked = d->ask;
	d->handed_out = false;
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

/* Make the block's texts the decoder's own; from now on they stay so. */
NOINLINE static int
block_keep(struct sse_decoder *d)
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

static int
take_type(struct sse_decoder *d, struct sse_text value)
{
	if (value.len == 0) {
		d->ev.has &= ~SSE_HAS_EVENT;
		return 0;
	}
	if (d->kept) {
		if (copy(d, &d->type, value) == -1)
			return -1;
		value = text(&d->type);
	}
	d->ev.type = value;
	d->ev.has |= SSE_HAS_EVENT;
	return 0;
}

static int
take_id(struct sse_decoder *d, struct sse_text value)
{
	if (value.len > 0 && memchr(value.ptr, '\0', value.len) != NULL)
		return 0;
	if (d->kept) {
		if (copy(d, &d->id, value) == -1)
			return -1;
		value = text(&d->id);
	}
	d->ev.id = value;
	d->ev.has |= SSE_HAS_ID;
	return 0;
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

/* From is the buffer of ours that line is in, up to its end, or NULL. */
static inline int
take_line(struct sse_decoder *d, struct sse_text line, struct sse_buf *from)
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

/* Drop the block and pass over what is left of it. */
NOINLINE static int
block_refuse(struct sse_decoder *d, bool within_line)
{
	block_clear(d);
	d->line.len = 0;
	d->first = false;
	d->odd = d->skipping = true;
	d->skip_line = within_line;
	errno = EMSGSIZE;
	return -1;
}

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
			return block_refuse(d, false);
		d->valid.len = 0;
		if (sse_buf_grow(&d->valid, bytes, d->max) == -1 ||
		    block_keep(d) == -1)
			return -1;
		sse_utf8_append(&d->valid, line.ptr, line.len);
		from = &d->valid;
		line = text(from);
	}
	/* A BOM and no more is a blank line, before any block. */
	if (line.len == 0)
		return 0;
	if (take_line(d, line, from) == -1)
		return -1;
	d->room -= bytes + 1;
	return 0;
}

/*
 * As line_end(), when that may be the first line of the stream, not ASCII, cut
 * by the end of the last piece, so that its start is in d->line, or of a block
 * that is skipped.
 */
NOINLINE static int
line_end_odd(struct sse_decoder *d, struct sse_text line, bool ascii)
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
			return block_refuse(d, false);
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

/*
 * A line ended, of which line is what this piece has.  Returns as
 * sse_decoder_feed().
 */
static inline int
line_end(struct sse_decoder *d, struct sse_text line, bool ascii)
{
	if (d->odd || !ascii)
		return line_end_odd(d, line, ascii);
	if (line.len == 0)
		return block_end(d);
	if (line.len >= d->room)
		return block_refuse(d, false);
	if (take_line(d, line, NULL) == -1)
		return -1;
	d->room -= line.len + 1;
	return 0;
}

/* The piece ended, and rest is the line that it cuts, if any. */
NOINLINE static int
piece_end(struct sse_decoder *d, struct sse_text rest, bool ascii)
{
	if (rest.len > 0)
		d->after_cr = false;
	if (d->skipping) {
		d->skip_line |= rest.len > 0;
		return 0;
	}
	if (rest.len > d->room - d->line.len)
		return block_refuse(d, true);
	if ((d->room < d->max || rest.len > 0) && block_keep(d) == -1)
		return -1;
	if (rest.len == 0)
		return 0;
	if (append(d, &d->line, rest) == -1)
		return -1;
	d->line_ascii = ascii && (d->line_ascii || d->line.len == rest.len);
	d->odd = true;
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
		r = piece_end(
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
	free_buffers(d);
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
