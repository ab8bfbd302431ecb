/*
 * Where lines end, and which of them are plain ASCII, found in one pass.  Bytes
 * are looked at in chunks of 64; of each chunk that has anything to tell one
 * bitmap says which bytes are CR or LF, and one which are beyond ASCII.
 * Internal to libsse.
 */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SCAN_CHUNK 64

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

#ifdef __SSE2__

/* Has the chunk neither a line end nor a byte beyond ASCII?  May say no. */
static inline bool
scan_plain(const char *p)
{
	/* As signed bytes, CR, LF and all beyond ASCII are below 14. */
	const __m128i limit = _mm_set1_epi8('\r' + 1);
	__m128i below = _mm_setzero_si128();

	for (int i = 0; i < SCAN_CHUNK; i += 16)
		below = _mm_or_si128(below,
		    _mm_cmplt_epi8(
			_mm_loadu_si128((const __m128i *)(p + i)), limit));
	return _mm_movemask_epi8(below) == 0;
}

/* Set the bitmaps for the chunk at p. */
static inline void
scan_chunk(struct scan *s, const char *p)
{
	const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');

	s->ends = s->high = 0;
	for (int i = 0; i < SCAN_CHUNK; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(p + i));
		__m128i e = _mm_or_si128(
		    _mm_cmpeq_epi8(x, cr), _mm_cmpeq_epi8(x, lf));

		s->ends |= (uint64_t)(unsigned int)_mm_movemask_epi8(e) << i;
		s->high |= (uint64_t)(unsigned int)_mm_movemask_epi8(x) << i;
	}
}

#else

static inline bool
scan_plain(const char *p)
{
	const uint64_t each = UINT64_MAX / 0xff; /* 0x01 in every byte */
	uint64_t word, odd = 0;

	for (int i = 0; i < SCAN_CHUNK; i += 8) {
		memcpy(&word, p + i, sizeof(word));
		/* A borrow sets the top bit where a byte is below 14. */
		odd |= word | (word - each * ('\r' + 1));
	}
	return (odd & each * 0x80) == 0;
}

static inline void
scan_chunk(struct scan *s, const char *p)
{
	s->ends = s->high = 0;
	for (int i = 0; i < SCAN_CHUNK; i++) {
		s->ends |= (uint64_t)(p[i] == '\r' || p[i] == '\n') << i;
		s->high |= (uint64_t)((unsigned char)p[i] >> 7) << i;
	}
}

#endif

/* What is left of the bytes when that is no whole chunk. */
static inline void
scan_rest(struct scan *s)
{
	char chunk[SCAN_CHUNK] = { 0 };

	memcpy(chunk, s->next, (size_t)(s->end - s->next));
	scan_chunk(s, chunk);
	s->at = s->next;
	s->next = s->end;
}

/*
 * The next line end, or NULL when none is left.  *ascii says whether all bytes
 * since the last line end, or since the start, are ASCII.
 */
static inline const char *
scan_line(struct scan *s, bool *ascii)
{
	bool high = false;
	const char *eol;
	uint64_t upto;

	while (s->ends == 0) {
		high |= s->high != 0;
		s->high = 0;
		if (s->end - s->next >= SCAN_CHUNK) {
			if (!scan_plain(s->next)) {
				scan_chunk(s, s->next);
				s->at = s->next;
			}
			s->next += SCAN_CHUNK;
		} else if (s->next != s->end) {
			scan_rest(s);
		} else {
			*ascii = !high;
			return NULL;
		}
	}
	upto = s->ends ^ (s->ends - 1);
	*ascii = !high && (s->high & upto) == 0;
	s->high &= ~upto;
	eol = s->at + __builtin_ctzll(s->ends);
	s->ends &= s->ends - 1;
	return eol;
}

#endif
