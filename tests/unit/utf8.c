#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sse.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/*
 * The decoder of the Encoding standard ("UTF-8 decoder"), letter by letter:
 * writes to out what p decodes to, and sets *valid to how many bytes are whole
 * and valid.  Returns the length.
 */
static size_t
reference(const unsigned char *p, size_t len, unsigned char *out, size_t *valid)
{
	unsigned int lower = 0x80, upper = 0xbf;
	size_t needed = 0, seen = 0, start = 0, n = 0, i = 0;
	int all = 1;

	*valid = 0;
	while (i < len || needed > 0) {
		if (i == len ||
		    (needed > 0 && (p[i] < lower || p[i] > upper))) {
			memcpy(out + n, "\xef\xbf\xbd", 3);
			n += 3;
			needed = seen = 0;
			all = 0;
			lower = 0x80;
			upper = 0xbf;
			continue;
		}
		if (needed > 0) {
			lower = 0x80;
			upper = 0xbf;
			if (++seen == needed) {
				memcpy(out + n, p + start, needed + 1);
				n += needed + 1;
				needed = seen = 0;
			}
		} else if (p[i] <= 0x7f)
			out[n++] = p[i];
		else if (p[i] >= 0xc2 && p[i] <= 0xf4) {
			start = i;
			needed = p[i] < 0xe0 ? 1 : p[i] < 0xf0 ? 2 : 3;
			lower = p[i] == 0xe0 ? 0xa0
			    : p[i] == 0xf0   ? 0x90
					     : 0x80;
			upper = p[i] == 0xed ? 0x9f
			    : p[i] == 0xf4   ? 0x8f
					     : 0xbf;
		} else {
			memcpy(out + n, "\xef\xbf\xbd", 3);
			n += 3;
			all = 0;
		}
		i++;
		if (all && needed == 0)
			*valid = i;
	}
	return n;
}

/* In memory that ends with the bytes, so that reading on would be noticed. */
static void
check(const unsigned char *p, size_t len)
{
	struct sse_buf got = { NULL, 0, 0 };
	unsigned char want[3 * 512], *exact;
	size_t want_len, want_valid;

	assert_true(len <= 512);
	assert_non_null(exact = malloc(len > 0 ? len : 1));
	memcpy(exact, p, len);
	want_len = reference(p, len, want, &want_valid);
	if (sse_utf8_valid(exact, len) != want_valid)
		fail_msg("%zu of %zu bytes valid, not %zu",
		    sse_utf8_valid(exact, len), len, want_valid);
	assert_int_equal(sse_utf8_append(&got, exact, len), 0);
	assert_int_equal(got.len, want_len);
	if (want_len > 0)
		assert_memory_equal(got.ptr, want, want_len);
	sse_buf_free(&got);
	free(exact);
}

/* Every sequence of two bytes, and of three with a byte of each kind. */
static void
reads_every_short_sequence(void **state)
{
	static const unsigned char kinds[] = { 0x00, 0x0a, 0x7f, 0x80, 0x8f,
		0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
		0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff };
	unsigned char s[4];

	(void)state;
	check((const unsigned char *)"", 0);
	for (unsigned int i = 0; i < 0x10000; i++) {
		s[0] = (unsigned char)(i >> 8);
		s[1] = (unsigned char)i;
		check(s, 2);
	}
	for (size_t i = 0;
	     i < nitems(kinds) * nitems(kinds) * nitems(kinds) * nitems(kinds);
	     i++) {
		size_t k = i;

		for (int j = 0; j < 4; j++, k /= nitems(kinds))
			s[j] = kinds[k % nitems(kinds)];
		check(s, 4);
		check(s, 3);
		check(s, 1);
	}
}

/* What is in the middle of much else is read as by itself. */
static void
reads_at_every_place(void **state)
{
	static const char *const texts[] = { "é", "東", "🙂", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
		"\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
		"\xf4\x90\x80\x80", "\xc3", "\xe6\x9d", "\xf0\x9f\x99", "\x80",
		"\xbf\xbf", "\xff", "\xc0\x80" };
	static const char *const fills[] = { "a", "é", "東", "ก", "한",
		"🙂" };
	unsigned char s[512];

	(void)state;
	for (size_t i = 0; i < nitems(texts); i++)
		for (size_t j = 0; j < nitems(fills); j++)
			for (size_t at = 0; at < 140; at++) {
				size_t len = 0, k = strlen(fills[j]);

				while (len < at)
					s[len++] = 'a';
				for (int n = 0; n < 30; n++, len += k)
					memcpy(s + len, fills[j], k);
				memcpy(s + len, texts[i], strlen(texts[i]));
				len += strlen(texts[i]);
				check(s, len);
				memset(s + len, 'z', 80);
				check(s, len + 80);
			}
}

/* Valid text with a few bytes spoiled. */
static void
reads_what_chance_brings(void **state)
{
	static const char *const parts[] = { "a", "bcdefgh", "é", "東", "🙂",
		"ก", "한", "\n", "0123456789abcdef" };
	unsigned char s[512];
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len = 0, n;

		while (len < 300) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			n = strlen(parts[(seed >> 33) % nitems(parts)]);
			memcpy(s + len, parts[(seed >> 33) % nitems(parts)], n);
			len += n;
		}
		for (int i = 0; i < round % 4; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			s[(seed >> 33) % len] = (unsigned char)(seed >> 25);
		}
		check(s, len - (size_t)round % 70);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_short_sequence),
		cmocka_unit_test(reads_at_every_place),
		cmocka_unit_test(reads_what_chance_brings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
