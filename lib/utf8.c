#include "chunk.h"
#include "inner.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

#ifdef __SSE2__

/*
 * Where the chunk may not be UTF-8: unset bits are sure.  *carry is of the
 * chunk before, 0 at the start; its bits are the bytes that must continue a
 * sequence begun there.
 * Spec: Unicode, "Well-Formed UTF-8 Byte Sequences".
 */
static inline uint64_t
suspect(struct chunk x, uint64_t *carry)
{
	uint64_t high = chunk_high(x), more, lead, three, four, bad, e0, ed;
	uint64_t f0, f4, below90, belowa0;

	if ((high | *carry) == 0)
		return 0;
	more = chunk_below(x, 0xc0);
	lead = high & ~more;
	three = high & ~chunk_below(x, 0xe0);
	four = high & ~chunk_below(x, 0xf0);
	/* Sequences are as long as their leads say. */
	bad = more ^ (lead << 1 | three << 2 | four << 3 | *carry);
	*carry = lead >> 63 | three >> 62 | four >> 61;
	/* No lead is C0, C1 or above F4. */
	bad |= lead & (chunk_below(x, 0xc2) | ~chunk_below(x, 0xf5));
	/* Four leads bind their second byte more narrowly. */
	if (three == 0)
		return bad;
	e0 = chunk_equal(x, 0xe0);
	ed = chunk_equal(x, 0xed);
	f0 = chunk_equal(x, 0xf0);
	f4 = chunk_equal(x, 0xf4);
	below90 = chunk_below(x, 0x90);
	belowa0 = chunk_below(x, 0xa0);
	bad |= e0 << 1 & belowa0;
	bad |= ed << 1 & ~belowa0;
	bad |= f0 << 1 & below90;
	bad |= f4 << 1 & ~below90;
	/* Where that is in the next chunk, let a closer look decide. */
	return bad | ((e0 | ed | f0 | f4) & UINT64_C(1) << 63);
}

#else

/* Without bitmaps to tell more, whatever is not ASCII is looked at closely. */
static inline uint64_t
suspect(struct chunk x, uint64_t *carry)
{
	(void)carry;
	return chunk_high(x);
}

#endif

/*
 * The sequence at p, of which len > 0 bytes are there.  Returns how many bytes
 * it takes: all of it when it is valid, else its maximal subpart, with *valid
 * unset.
 * Spec: Unicode, "Well-Formed UTF-8 Byte Sequences".
 */
static size_t
sequence(const char *text, size_t len, bool *valid)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned int lead = p[0], low = 0x80, high = 0xbf;
	size_t n, want;

	*valid = false;
	if (lead < 0x80)
		want = 1;
	else if (lead < 0xc2 || lead > 0xf4)
		return 1;
	else
		want = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	/* Only the second byte is ever bound more narrowly. */
	if (lead == 0xe0)
		low = 0xa0; /* no overlong forms */
	else if (lead == 0xed)
		high = 0x9f; /* no surrogates */
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f; /* no more than U+10FFFF */
	for (n = 1; n < want; n++) {
		if (n == len || p[n] < low || p[n] > high)
			return n;
		low = 0x80;
		high = 0xbf;
	}
	*valid = true;
	return n;
}

/* How many bytes at p are whole sequences and valid, as far as is sure. */
static size_t
surely_valid(const char *p, size_t len)
{
	uint64_t carry = 0, before = 0;
	struct chunk x;
	size_t n;

	for (n = 0; len - n >= CHUNK; n += CHUNK) {
		x = chunk_load(p + n);
		if (carry == 0 && chunk_ascii(x))
			continue;
		before = carry;
		if (suspect(x, &carry) != 0)
			break;
		before = 0;
	}
	if (len - n < CHUNK) {
		/* NUL follows, so that a cut sequence is suspect. */
		before = carry;
		if (suspect(chunk_load_part(p + n, len - n), &carry) == 0)
			return len;
	}
	/* Back to the start of a sequence that goes on in this chunk. */
	if (before != 0)
		do
			n--;
		while (((unsigned char)p[n] & 0xc0) == 0x80);
	return n;
}

size_t
sse_utf8_valid(const void *p, size_t len)
{
	const char *s = p;
	size_t n = 0, stop, take;
	bool valid;

	while (n < len) {
		n += surely_valid(s + n, len - n);
		/* One chunk is looked at closely, then on in strides. */
		stop = len - n > CHUNK ? n + CHUNK : len;
		while (n < stop) {
			take = sequence(s + n, len - n, &valid);
			if (!valid)
				return n;
			n += take;
		}
	}
	return n;
}

size_t
sse_utf8_length(const char *p, size_t len)
{
	size_t n, total = 0;
	bool valid;

	while (len > 0) {
		n = sse_utf8_valid(p, len);
		total += n;
		p += n;
		if ((len -= n) == 0)
			break;
		n = sequence(p, len, &valid);
		total += 3;
		p += n;
		len -= n;
	}
	return total;
}

int
sse_utf8_append(struct sse_buf *b, const void *p, size_t len)
{
	const char *s = p;
	size_t n;
	bool valid;

	if (sse_buf_reserve(b, sse_utf8_length(s, len)) == -1)
		return -1;
	while (len > 0) {
		n = sse_utf8_valid(s, len);
		sse_buf_append(b, s, n);
		s += n;
		if ((len -= n) == 0)
			break;
		n = sequence(s, len, &valid);
		sse_buf_append(b, REPLACEMENT, 3);
		s += n;
		len -= n;
	}
	return 0;
}
