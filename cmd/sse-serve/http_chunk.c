#include "http.h"
#include "http_chunk.h"

enum state {
	SIZE,       /* before or in the digits */
	SIZE_BLANK, /* blanks behind the digits: an extension must follow */
	EXTENSION,  /* behind ";" */
	SIZE_LF,    /* the CR of the size's line is read */
	DATA,       /* left bytes of data are to come */
	DATA_CR,    /* the line end behind the data */
	DATA_LF,
	TRAILER,      /* the beginning of a line behind the last chunk */
	TRAILER_LINE, /* within a trailer field */
	TRAILER_LF,
	END_LF, /* the CR of the empty line is read */
};

#define DIGITS_MAX 15 /* hexadecimal, so that no size overflows */

static int
go(struct http_chunk *c, enum state state)
{
	c->state = (int)state;
	return 0;
}

static int
read_size(struct http_chunk *c, char ch)
{
	if (http_hex(ch) >= 0) {
		if (c->digits++ == DIGITS_MAX)
			return -1;
		c->left = c->left << 4 | (uint64_t)http_hex(ch);
		return 0;
	}
	if (c->digits == 0)
		return -1;
	if (ch == '\r')
		return go(c, SIZE_LF);
	if (ch == ';')
		return go(c, EXTENSION);
	return ch == ' ' || ch == '\t' ? go(c, SIZE_BLANK) : -1;
}

/* What is checked and dropped: no control characters, no bare line ends. */
static int
read_extra(struct http_chunk *c, char ch, enum state line_end)
{
	if (ch == '\r')
		return go(c, line_end);
	if (((unsigned char)ch < 0x20 && ch != '\t') || ch == 0x7f ||
	    ++c->extra > HTTP_CHUNK_EXTRA_MAX)
		return -1;
	return 0;
}

static int
read_line_end(struct http_chunk *c, char ch)
{
	if (ch != '\n')
		return -1;
	switch (c->state) {
	case SIZE_LF:
		c->digits = 0;
		return go(c, c->left > 0 ? DATA : TRAILER);
	case DATA_LF:
		return go(c, SIZE);
	case TRAILER_LF:
		return go(c, TRAILER);
	default:
		c->done = true;
		return 0;
	}
}

/* One byte of what is not data.  -1 when it may not stand there. */
static int
read_byte(struct http_chunk *c, char ch)
{
	switch (c->state) {
	case SIZE:
		return read_size(c, ch);
	case SIZE_BLANK:
		if (ch == ';')
			return go(c, EXTENSION);
		return ch == ' ' || ch == '\t' ? read_extra(c, ch, SIZE_LF)
					       : -1;
	case EXTENSION:
		return read_extra(c, ch, SIZE_LF);
	case DATA_CR:
		return ch == '\r' ? go(c, DATA_LF) : -1;
	case TRAILER:
		if (ch == '\r')
			return go(c, END_LF);
		if (ch == ' ' || ch == '\t' || ch == ':')
			return -1;
		c->state = (int)TRAILER_LINE;
		return read_extra(c, ch, TRAILER_LF);
	case TRAILER_LINE:
		return read_extra(c, ch, TRAILER_LF);
	default:
		return read_line_end(c, ch);
	}
}

ssize_t
http_chunk_read(
    struct http_chunk *c, const char *buf, size_t len, struct sse_text *data)
{
	size_t used = 0;

	*data = (struct sse_text){ buf, 0 };
	for (; used < len && !c->done; used++) {
		size_t n = len - used;

		if (c->state != DATA) {
			if (read_byte(c, buf[used]) == -1)
				return -1;
			continue;
		}
		if (n > c->left)
			n = (size_t)c->left;
		*data = (struct sse_text){ buf + used, n };
		if ((c->left -= n) == 0)
			c->state = (int)DATA_CR;
		return (ssize_t)(used + n);
	}
	return (ssize_t)used;
}
