/*
 * The lines of some bytes, found in the pass that also tells which of them are
 * plain ASCII.  Internal to libsse.
 */
#ifndef SCAN_H
#define SCAN_H

#include "chunk.h"

struct scan {
	const char *at;   /* the byte that the lowest bits stand for */
	const char *next; /* the first byte not looked at */
	const char *end;
	uint64_t ends; /* line ends not handed out yet */
	uint64_t high; /* bytes beyond ASCII behind the last line end */
};

static inline struct scan
scan_start(const char *p, size_t len)
{
	return (struct scan){ p, p, p + len, 0, 0 };
}

struct scan_bits {
	uint64_t ends, high;
};

static inline struct scan_bits
scan_chunk(struct chunk x)
{
	return (struct scan_bits){ chunk_ends(x),
		chunk_ascii(x) ? 0 : chunk_high(x) };
}

/* Not inlined, so that its array does not burden whoever never comes here. */
__attribute__((noinline)) static struct scan_bits
scan_part(const char *p, size_t len)
{
	return scan_chunk(chunk_load_part(p, len));
}

/*
 * The next line end, or NULL when none is left.  *ascii says whether the bytes
 * since the last line end, or since the start, are all ASCII.
 */
__attribute__((always_inline)) static inline const char *
scan_line(struct scan *s, bool *ascii)
{
	uint64_t high = 0, upto;
	struct scan_bits bits;
	const char *eol;
	struct chunk x;

	while (s->ends == 0) {
		high |= s->high;
		s->high = 0;
		while (s->end - s->next >= CHUNK &&
		    chunk_plain(x = chunk_load(s->next)))
			s->next += CHUNK;
		if (s->next == s->end) {
			*ascii = high == 0;
			return NULL;
		}
		s->at = s->next;
		if (s->end - s->next >= CHUNK) {
			bits = scan_chunk(x);
			s->next += CHUNK;
		} else {
			bits = scan_part(s->next, (size_t)(s->end - s->next));
			s->next = s->end;
		}
		s->ends = bits.ends;
		s->high = bits.high;
	}
	upto = s->ends ^ (s->ends - 1);
	*ascii = (high | (s->high & upto)) == 0;
	s->high &= ~upto;
	eol = s->at + __builtin_ctzll(s->ends);
	s->ends &= s->ends - 1;
	return eol;
}

/* Pass over the next line end, which is the next byte. */
static inline void
scan_pass(struct scan *s)
{
	bool ascii;

	if (s->ends != 0)
		s->ends &= s->ends - 1;
	else
		(void)scan_line(s, &ascii);
}

#endif
