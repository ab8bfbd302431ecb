/* Chunked bodies: taken or refused alike, however the network cuts them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/http_chunk.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

#define REFUSED NULL
#define BODY(s)                  \
	{                        \
		s, sizeof(s) - 1 \
	}

static const struct {
	struct sse_text body;
	const char *want; /* REFUSED, or the data; "|" where it is not over */
	size_t behind;    /* bytes that belong to the next request */
} cases[] = {
	{ BODY("0\r\n\r\n"), "", 0 },
	{ BODY("000\r\n\r\n"), "", 0 },
	{ BODY("3\r\nabc\r\n0\r\n\r\n"), "abc", 0 },
	{ BODY("3\r\nabc\r\n0\r\n\r\nGET"), "abc", 3 },
	{ BODY("00000000000003\r\nabc\r\n0\r\n\r\n"), "abc", 0 },
	{ BODY("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), "abc", 0 },
	{ BODY("a\r\n0123456789\r\n0\r\n\r\n"), "0123456789", 0 },
	{ BODY("A\r\n0\r\n\r\n4567\r\n\r\n0\r\n\r\n"), REFUSED, 0 },
	{ BODY("A\r\n0\r\n\r\n45678\r\n0\r\n\r\n"), "0\r\n\r\n45678", 0 },
	{ BODY("1;a=b\r\nx\r\n0;c\r\n\r\n"), "x", 0 },
	{ BODY("1 \t;\ta=\"b c\"\r\nx\r\n0\r\n\r\n"), "x", 0 },
	{ BODY("1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n"), "x", 0 },
	{ BODY(""), "|", 0 },
	{ BODY("3\r\nab"), "ab|", 0 },
	{ BODY("1\r\nx\r\n0\r\n"), "x|", 0 },
	{ BODY("1\r\nx\r\n0\r\n\r"), "x|", 0 },
	{ BODY("\r\n"), REFUSED, 0 },
	{ BODY("\n"), REFUSED, 0 },
	{ BODY(";a\r\n"), REFUSED, 0 },
	{ BODY(" 1\r\nx\r\n"), REFUSED, 0 },
	{ BODY("1 \r\nx\r\n"), REFUSED, 0 },
	{ BODY("1 2\r\nx\r\n"), REFUSED, 0 },
	{ BODY("1 x;\r\n"), REFUSED, 0 },
	{ BODY("+1\r\nx\r\n"), REFUSED, 0 },
	{ BODY("-1\r\n"), REFUSED, 0 },
	{ BODY("0x1\r\nx\r\n"), REFUSED, 0 },
	{ BODY("g\r\n"), REFUSED, 0 },
	{ BODY("1\nx\n0\n\n"), REFUSED, 0 },
	{ BODY("1\rx"), REFUSED, 0 },
	{ BODY("1\r\r\n"), REFUSED, 0 },
	{ BODY("1\r\nxy\r\n"), REFUSED, 0 },
	{ BODY("1\r\nx0\r\n\r\n"), REFUSED, 0 },
	{ BODY("1\r\nx\n0\r\n\r\n"), REFUSED, 0 },
	{ BODY("1\r\nx\r0\r\n\r\n"), REFUSED, 0 },
	{ BODY("1;a\nb\r\n"), REFUSED, 0 },
	{ BODY("1;a\0\r\n"), REFUSED, 0 },
	{ BODY("1;a\rb\r\n"), REFUSED, 0 },
	{ BODY("0\r\n\n"), REFUSED, 0 },
	{ BODY("0\r\n\rx"), REFUSED, 0 },
	{ BODY("0\r\n A: b\r\n\r\n"), REFUSED, 0 },
	{ BODY("0\r\n\tA: b\r\n\r\n"), REFUSED, 0 },
	{ BODY("0\r\n: b\r\n\r\n"), REFUSED, 0 },
	{ BODY("0\r\nA: b\n\r\n"), REFUSED, 0 },
	{ BODY("0\r\nA: b\rc\r\n"), REFUSED, 0 },
	{ BODY("0\r\nA: \x01\r\n\r\n"), REFUSED, 0 },
	{ BODY("fffffffffffffff"), "|", 0 },
	{ BODY("ffffffffffffffff"), REFUSED, 0 },
	{ BODY("10000000000000000"), REFUSED, 0 },
	{ BODY("0000000000000001"), REFUSED, 0 },
};

/* Feed len bytes in pieces of at most piece; -1, or what stands behind. */
static ssize_t
feed(struct http_chunk *c, const char *p, size_t len, size_t piece, char *data)
{
	while (len > 0 && !c->done) {
		size_t n = len < piece ? len : piece;
		char *copy = malloc(n);
		struct sse_text got;
		ssize_t used;

		memcpy(copy, p, n);
		used = http_chunk_read(c, copy, n, &got);
		if (used != -1) {
			assert_true(used > 0 && (size_t)used <= n);
			assert_true(got.len <= (size_t)used);
			strncat(data, got.ptr, got.len);
			p += used;
			len -= (size_t)used;
		}
		free(copy);
		if (used == -1)
			return -1;
	}
	return (ssize_t)len;
}

static void
bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const struct sse_text t = cases[i].body;

		for (size_t piece = 1; piece <= t.len + 1; piece++) {
			struct http_chunk c = { 0 };
			char got[64] = "";
			ssize_t left = feed(&c, t.ptr, t.len, piece, got);

			if (cases[i].want == REFUSED) {
				if (left != -1)
					fail_msg("%s by %zu", t.ptr, piece);
				continue;
			}
			if (left != -1 && !c.done)
				strcat(got, "|");
			if (left != (ssize_t)cases[i].behind ||
			    strcmp(got, cases[i].want) != 0)
				fail_msg("%s by %zu: %zd \"%s\"", t.ptr, piece,
				    left, got);
		}
	}
}

/* Extensions and trailers cost as much as data, and are worth nothing. */
static void
extra_is_bounded(void **state)
{
	static const char chunk[] = "1;abcdefg\r\nx\r\n";
	struct http_chunk c = { 0 };
	char data[8] = "";
	size_t fed = 0;

	(void)state;
	while (feed(&c, chunk, sizeof(chunk) - 1, 64, data) != -1) {
		fed += 7;
		data[0] = '\0';
		assert_true(fed <= HTTP_CHUNK_EXTRA_MAX);
	}
	assert_true(fed + 7 > HTTP_CHUNK_EXTRA_MAX);

	c = (struct http_chunk){ 0 };
	fed = 0;
	assert_int_equal(feed(&c, "0\r\nA:", 5, 5, data), 0);
	while (feed(&c, "b", 1, 1, data) != -1)
		assert_true(++fed <= HTTP_CHUNK_EXTRA_MAX);
	assert_int_equal(fed, HTTP_CHUNK_EXTRA_MAX - 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies),
		cmocka_unit_test(extra_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
