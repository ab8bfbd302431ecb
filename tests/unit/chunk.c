#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chunk.h"

/* Each bitmap held against a look at every byte. */
static void
check(const char *p)
{
	struct chunk x = chunk_load(p);
	uint64_t ends = 0, high = 0;
	bool low = false;

	for (int i = 0; i < CHUNK; i++) {
		ends |= (uint64_t)(p[i] == '\r' || p[i] == '\n') << i;
		high |= (uint64_t)((unsigned char)p[i] >= 0x80) << i;
		low |= (unsigned char)p[i] < 14;
	}
	assert_true(chunk_ends(x) == ends);
	assert_true(chunk_high(x) == high);
	assert_int_equal(chunk_ascii(x), high == 0);
	/* It may say no only where a control character is. */
	if (ends != 0 || high != 0)
		assert_false(chunk_plain(x));
	else if (!low)
		assert_true(chunk_plain(x));
}

/* Every byte at every place, beside what could disturb it. */
static void
knows_every_byte_at_every_place(void **state)
{
	static const char fills[] = { 'a', ' ', '\0', '\t', '\x7f', '\n', '\r',
		'\x80', '\xff', '\x0e', '\x0c' };
	char p[CHUNK];

	(void)state;
	for (size_t f = 0; f < sizeof(fills); f++)
		for (int i = 0; i < CHUNK; i++)
			for (int byte = 0; byte < 256; byte++) {
				memset(p, fills[f], sizeof(p));
				check(p);
				p[i] = (char)byte;
				check(p);
			}
}

static void
knows_what_chance_brings(void **state)
{
	uint64_t seed = 1;
	char p[CHUNK];

	(void)state;
	for (int round = 0; round < 100000; round++) {
		for (int i = 0; i < CHUNK; i++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			p[i] = (char)(seed >> 40);
			/* Few of them, so that most is plain. */
			if ((seed >> 50) % 64 > (uint64_t)(round % 64))
				p[i] = (char)('a' + i % 26);
		}
		check(p);
	}
}

/* What is behind the bytes of a part is NUL. */
static void
loads_a_part(void **state)
{
	char p[CHUNK];

	(void)state;
	memset(p, '\n', sizeof(p));
	for (size_t n = 0; n < CHUNK; n++)
		assert_true(chunk_ends(chunk_load_part(p, n)) ==
		    ((uint64_t)1 << n) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_every_byte_at_every_place),
		cmocka_unit_test(knows_what_chance_brings),
		cmocka_unit_test(loads_a_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
