#include <stdint.h>
#include <string.h>

#include "sse.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* How many bytes from p on are ASCII, by words; the last few may be missed. */
static size_t
ascii_words(const unsigned char *p, size_t len)
{
	const uint64_t high = UINT64_MAX / 0xff * 0x80;
	uint64_t w[4];
	size_t n;

	for (n = 0; len - n >= sizeof(w); n += sizeof(w)) {
		memcpy(w, p + n, sizeof(w));
		if (((w[0] | w[1] | w[2] | w[3]) & high) != 0)
			break;
	}
	return n;
}

/*
 * The sequence at p, of which len > 0 bytes are there.  Returns how many bytes
 * it takes: all of it when it is valid, else its maximal subpart, with *valid
 * unset.
 * Spec: Unicode, "Well-Formed UTF-8 Byte Sequences".
 */
static size_t
sequence(const unsigned char *p, size_t len, int *valid)
{
	unsigned int lead = p[0], low = 0x80, high = 0xbf;
	size_t n, want;

	*valid = 0;
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
	*valid = 1;
	return n;
}

size_t
sse_utf8_valid(const void *p, size_t len)
{
	const unsigned char *s = p;
	size_t n = 0, take;
	int valid;

	while (n < len) {
		if (s[n] < 0x80)
			n += ascii_words(s + n, len - n);
		if (n == len)
			break;
		take = sequence(s + n, len - n, &valid);
		if (!valid)
			break;
		n += take;
	}
	return n;
}

int
sse_utf8_append(struct sse_buf *b, const void *p, size_t len)
{
	const unsigned char *s = p;
	size_t was = b->len, n;
	int valid;

	while (len > 0) {
		n = sse_utf8_valid(s, len);
		if (sse_buf_append(b, s, n) == -1)
			goto undo;
		s += n;
		len -= n;
		if (len == 0)
			break;
		n = sequence(s, len, &valid);
		if (sse_buf_append(b, REPLACEMENT, 3) == -1)
			goto undo;
		s += n;
		len -= n;
	}
	return 0;
undo:
	b->len = was;
	return -1;
}
