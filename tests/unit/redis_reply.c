/* Replies in few pieces, beside what hiredis makes of the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redis_reply.h"

#define DEPTH_MAX 8

static redisReader *
reader_new(bool pool)
{
	redisReader *r = redisReaderCreate();

	assert_non_null(r);
	if (pool)
		redis_reply_pool(r);
	return r;
}

static void
part_equal(const redisReply *a, const redisReply *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->integer, b->integer);
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->elements, b->elements);
	assert_int_equal(a->str == NULL, b->str == NULL);
	if (a->str != NULL)
		assert_memory_equal(a->str, b->str, a->len + 1);
}

/* All parts, each behind the one that it belongs to. */
static void
replies_equal(const redisReply *a, const redisReply *b)
{
	const redisReply *in[2][DEPTH_MAX];
	size_t at[DEPTH_MAX] = { 0 };
	int depth = 0;

	part_equal(a, b);
	in[0][0] = a;
	in[1][0] = b;
	while (depth >= 0) {
		if (at[depth] == in[0][depth]->elements) {
			depth--;
			continue;
		}
		a = in[0][depth]->element[at[depth]];
		b = in[1][depth]->element[at[depth]++];
		part_equal(a, b);
		if (a->elements > 0) {
			assert_in_range(++depth, 1, DEPTH_MAX - 1);
			in[0][depth] = a;
			in[1][depth] = b;
			at[depth] = 0;
		}
	}
}

/* Feed s in two parts to both, and compare all replies that it holds. */
static void
check(const char *s, size_t len, size_t cut)
{
	redisReader *plain = reader_new(false), *pool = reader_new(true);

	for (int half = 0; half < 2; half++) {
		const char *from = half == 0 ? s : s + cut;
		size_t n = half == 0 ? cut : len - cut;
		void *a, *b;

		assert_int_equal(redisReaderFeed(plain, from, n), REDIS_OK);
		assert_int_equal(redisReaderFeed(pool, from, n), REDIS_OK);
		for (;;) {
			assert_int_equal(
			    redisReaderGetReply(plain, &a), REDIS_OK);
			assert_int_equal(
			    redisReaderGetReply(pool, &b), REDIS_OK);
			assert_int_equal(a == NULL, b == NULL);
			if (a == NULL)
				break;
			replies_equal(a, b);
			freeReplyObject(a);
			redis_reply_free(b);
		}
	}
	redisReaderFree(plain);
	redisReaderFree(pool);
}

static void
test_kinds(void **state)
{
	static const char s[] =
	    "+OK\r\n-ERR no\r\n:42\r\n$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n"
	    "$5\r\na\0b\r\n\r\n"
	    "*2\r\n*2\r\n$3\r\n1-1\r\n*4\r\n$4\r\nprev\r\n$3\r\n0-0\r\n"
	    "$4\r\ndata\r\n$1\r\nx\r\n*3\r\n:7\r\n$-1\r\n*1\r\n+s\r\n";

	(void)state;
	for (size_t cut = 0; cut < sizeof(s); cut++)
		check(s, sizeof(s) - 1, cut);
}

/* Parts that fill a piece, outgrow it, and are larger than any. */
static void
test_sizes(void **state)
{
	static char s[1 << 20];
	size_t len = (size_t)snprintf(s, sizeof(s), "*300\r\n");

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		size_t n = i == 150 ? 200000 : i * 7;

		len += (size_t)snprintf(
		    s + len, sizeof(s) - len, "$%zu\r\n", n);
		assert_true(len + n + 2 < sizeof(s));
		memset(s + len, 'a' + (int)(i % 26), n);
		memcpy(s + len + n, "\r\n", 2);
		len += n + 2;
	}
	check(s, len, 0);
	check(s, len, len / 2);
	check(s, len, len - 1);
}

/* A reply of which half has come goes with its reader. */
static void
test_cut_off(void **state)
{
	static const char *const halves[] = { "*2\r\n$1\r\na\r\n",
		"*2\r\n*1\r\n", "*1\r\n?\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(halves) / sizeof(*halves); i++) {
		redisReader *r = reader_new(true);
		void *reply = NULL;

		assert_int_equal(
		    redisReaderFeed(r, halves[i], strlen(halves[i])), REDIS_OK);
		assert_int_equal(redisReaderGetReply(r, &reply),
		    i == 2 ? REDIS_ERR : REDIS_OK);
		assert_null(reply);
		redisReaderFree(r);
	}
	redis_reply_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
