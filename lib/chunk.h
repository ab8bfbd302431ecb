/*
 * 64 bytes at a time, and of them bitmaps: bit n speaks of byte n.  With SSE2,
 * which every x86-64 has, in vector registers, else in portable C.
 * Internal to libsse.
 */
#ifndef CHUNK_H
#define CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CHUNK 64

#ifdef __SSE2__
#include <emmintrin.h>

struct chunk {
	__m128i a, b, c, d;
};

static inline struct chunk
chunk_load(const char *p)
{
	const __m128i *v = (const __m128i *)p;

	return (struct chunk){ _mm_loadu_si128(v), _mm_loadu_si128(v + 1),
		_mm_loadu_si128(v + 2), _mm_loadu_si128(v + 3) };
}

/* What is beyond ASCII: the top bits of all bytes. */
static inline uint64_t
chunk_high(struct chunk x)
{
	return (uint64_t)(unsigned int)_mm_movemask_epi8(x.a) |
	    (uint64_t)(unsigned int)_mm_movemask_epi8(x.b) << 16 |
	    (uint64_t)(unsigned int)_mm_movemask_epi8(x.c) << 32 |
	    (uint64_t)(unsigned int)_mm_movemask_epi8(x.d) << 48;
}

static inline uint64_t
chunk_equal(struct chunk x, int byte)
{
	const __m128i y = _mm_set1_epi8((char)byte);

	return chunk_high(
	    (struct chunk){ _mm_cmpeq_epi8(x.a, y), _mm_cmpeq_epi8(x.b, y),
		_mm_cmpeq_epi8(x.c, y), _mm_cmpeq_epi8(x.d, y) });
}

/* Compared as signed: what is not ASCII is below all that is. */
static inline uint64_t
chunk_below(struct chunk x, int byte)
{
	const __m128i y = _mm_set1_epi8((char)byte);

	return chunk_high(
	    (struct chunk){ _mm_cmpgt_epi8(y, x.a), _mm_cmpgt_epi8(y, x.b),
		_mm_cmpgt_epi8(y, x.c), _mm_cmpgt_epi8(y, x.d) });
}

/* CR and LF. */
static inline uint64_t
chunk_ends(struct chunk x)
{
	const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');

#define ENDS(v) _mm_or_si128(_mm_cmpeq_epi8(v, cr), _mm_cmpeq_epi8(v, lf))
	return chunk_high(
	    (struct chunk){ ENDS(x.a), ENDS(x.b), ENDS(x.c), ENDS(x.d) });
#undef ENDS
}

/* Is all of it ASCII and no line end?  May say no when a TAB is there. */
static inline bool
chunk_plain(struct chunk x)
{
	/* What is not ASCII is negative; less 14, CR and LF are, too. */
	const __m128i y = _mm_set1_epi8('\r' + 1);
	__m128i low = _mm_or_si128(
	    _mm_or_si128(_mm_subs_epi8(x.a, y), _mm_subs_epi8(x.b, y)),
	    _mm_or_si128(_mm_subs_epi8(x.c, y), _mm_subs_epi8(x.d, y)));

	return _mm_movemask_epi8(low) == 0;
}

static inline bool
chunk_ascii(struct chunk x)
{
	return _mm_movemask_epi8(_mm_or_si128(
		   _mm_or_si128(x.a, x.b), _mm_or_si128(x.c, x.d))) == 0;
}

#else

#define CHUNK_EACH (UINT64_MAX / 0xff) /* 0x01 in every byte */

/* Words of eight bytes, the first of which is the lowest. */
struct chunk {
	uint64_t word[CHUNK / 8];
};

static inline struct chunk
chunk_load(const char *p)
{
	struct chunk x;

	memcpy(x.word, p, sizeof(x.word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	for (int i = 0; i < CHUNK / 8; i++)
		x.word[i] = __builtin_bswap64(x.word[i]);
#endif
	return x;
}

/* The top bits of the bytes of a word, side by side. */
static inline uint64_t
chunk_pack(uint64_t word)
{
	return ((word >> 7) & CHUNK_EACH) * UINT64_C(0x0102040810204080) >> 56;
}

/* The top bit of every byte that equals the one given. */
static inline uint64_t
chunk_match(uint64_t word, char byte)
{
	const uint64_t low = CHUNK_EACH * 0x7f;
	uint64_t x = word ^ CHUNK_EACH * (unsigned char)byte;

	return ~(((x & low) + low) | x | low);
}

static inline uint64_t
chunk_high(struct chunk x)
{
	uint64_t high = 0;

	for (int i = 0; i < CHUNK / 8; i++)
		high |= chunk_pack(x.word[i]) << 8 * i;
	return high;
}

static inline uint64_t
chunk_ends(struct chunk x)
{
	uint64_t ends = 0;

	for (int i = 0; i < CHUNK / 8; i++)
		ends |= chunk_pack(chunk_match(x.word[i], '\r') |
			    chunk_match(x.word[i], '\n'))
		    << 8 * i;
	return ends;
}

static inline bool
chunk_plain(struct chunk x)
{
	uint64_t odd = 0;

	/* A borrow sets the top bit where a byte is below 14. */
	for (int i = 0; i < CHUNK / 8; i++)
		odd |= x.word[i] | (x.word[i] - CHUNK_EACH * ('\r' + 1));
	return (odd & CHUNK_EACH * 0x80) == 0;
}

static inline bool
chunk_ascii(struct chunk x)
{
	uint64_t any = 0;

	for (int i = 0; i < CHUNK / 8; i++)
		any |= x.word[i];
	return (any & CHUNK_EACH * 0x80) == 0;
}

#endif

/* Less than a chunk; the rest is NUL. */
static inline struct chunk
chunk_load_part(const char *p, size_t len)
{
	char part[CHUNK] = { 0 };

	memcpy(part, p, len);
	return chunk_load(part);
}

#endif
