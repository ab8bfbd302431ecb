#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoding.h"

/* What must not grow memory: told once, and the next event is decoded. */
static void
refuses_what_is_endless(void **state)
{
	static const char *const endless[] = { "data: a\n", ": a\n", "x\n",
		"no end of a line ", "\xff", "event: e\n", "id: i\n", ":\r\n",
		"data\n", "retry: 1\n" };

	(void)state;
	for (size_t i = 0; i < nitems(endless); i++) {
		struct sse_decoder *d = sse_decoder_new(4096);
		struct report r = { .len = 0 };
		size_t len = strlen(endless[i]);

		sse_decoder_ask(d, SSE_ASK_FIELDS | SSE_ASK_COMMENTS);
		for (size_t fed = 0; fed < 65536; fed += len)
			feed(d, endless[i], len, &r);
		feed(d, "\n\ndata: a\n\n", 11, &r);
		assert_string_equal(r.text, "!;message=a;");
		sse_decoder_free(d);
	}
}

/* One event of 64 MiB: decoded when the limit allows it, to the byte. */
static void
decodes_64_mib(void **state)
{
	size_t size = (size_t)64 << 20, fed = 0, used, n;
	const struct sse_event *ev;
	struct sse_decoder *d;
	char *text;
	int got = 0;

	(void)state;
	assert_non_null(text = malloc(size + 2));
	memset(text, 'a', size);
	memcpy(text, "data: ", 6);
	memcpy(text + size - 1, "\n\n", 3);
	for (size_t short_of = 0; short_of < 2; short_of++) {
		d = sse_decoder_new(size - short_of);
		got = 0;
		for (fed = 0; fed < size + 1 && got == 0; fed += used) {
			n = size + 1 - fed < 65536 ? size + 1 - fed : 65536;
			got = sse_decoder_feed(d, text + fed, n, &used, &ev);
		}
		if (short_of) {
			assert_int_equal(got, -1);
			assert_int_equal(errno, EMSGSIZE);
		} else {
			assert_int_equal(got, 1);
			assert_int_equal(fed, size + 1);
			assert_int_equal(ev->data.len, size - 7);
			assert_memory_equal(ev->data.ptr, text + 6, size - 7);
		}
		sse_decoder_free(d);
	}
	free(text);
}

/* An event in one piece is handed out where it lies. */
static void
does_not_copy(void **state)
{
	static const char in[] = "id: 1\nevent: e\ndata: abc\nx: y\n\n"
				 "data: d\n\n";
	struct sse_decoder *d = sse_decoder_new(0);
	const struct sse_event *ev;
	size_t used, more;

	(void)state;
	/* The first line of a stream is an odd one, too. */
	assert_int_equal(
	    sse_decoder_feed(d, in, sizeof(in) - 1, &used, &ev), 1);
	assert_ptr_equal(ev->type.ptr, strstr(in, "e\ndata"));
	assert_ptr_equal(ev->data.ptr, strstr(in, "abc"));
	assert_int_equal(
	    sse_decoder_feed(d, in + used, sizeof(in) - 1 - used, &more, &ev),
	    1);
	assert_ptr_equal(ev->data.ptr, strstr(in, "d\n\n"));
	assert_int_equal(used + more, sizeof(in) - 1);
	sse_decoder_free(d);
}

/* What a block bore is said apart from what is in force. */
static void
says_what_a_block_bore(void **state)
{
	static const struct {
		const char *in;
		unsigned int has;
	} blocks[] = {
		{ "data\n\n", SSE_HAS_DATA },
		{ "event: message\ndata\n\n", SSE_HAS_EVENT | SSE_HAS_DATA },
		{ "event:\ndata\n\n", SSE_HAS_DATA },
		{ "id: 1\ndata\n\n", SSE_HAS_ID | SSE_HAS_DATA },
		{ "id\n\n", SSE_HAS_ID },
		{ "retry: 1\n\n", SSE_HAS_RETRY },
		{ "retry: x\n\n", 0 },
		{ ": x\n\n", 0 },
		{ "id: 1\nevent: e\nretry: 1\ndata\n\n",
		    SSE_HAS_ID | SSE_HAS_EVENT | SSE_HAS_RETRY | SSE_HAS_DATA },
	};
	const struct sse_event *ev;
	size_t used;

	(void)state;
	for (size_t i = 0; i < nitems(blocks); i++) {
		struct sse_decoder *d = sse_decoder_new(0);

		sse_decoder_ask(d, SSE_ASK_BLOCKS);
		sse_decoder_set_last_id(d, "seed", 4);
		sse_decoder_set_retry_ms(d, 1);
		assert_int_equal(sse_decoder_feed(d, blocks[i].in,
				     strlen(blocks[i].in), &used, &ev),
		    blocks[i].has & SSE_HAS_DATA ? 1 : 2);
		assert_int_equal(ev->has, blocks[i].has);
		assert_int_equal(
		    ev->retry_ms, blocks[i].has & SSE_HAS_RETRY ? 1 : -1);
		sse_decoder_free(d);
	}
}

/* A new connection: what was under way goes, what was in force stays. */
static void
resets(void **state)
{
	struct sse_decoder *d = sse_decoder_new(32);
	struct report r = { .len = 0 };

	(void)state;
	sse_decoder_ask(d, SSE_ASK_FIELDS);
	feed(d, "retry: 7\nid: 1\ndata: a\n\nid: 2\nx: y\nevent: e\ndata: b",
	    52, &r);
	sse_decoder_reset(d);
	feed(d, "\xef\xbb\xbfz: w\ndata: c\n\n", 17, &r);
	/* A CR of the old connection swallows no LF of the new one. */
	feed(d, "data: d\r", 8, &r);
	sse_decoder_reset(d);
	feed(d, "\ndata: e\n\n", 10, &r);
	/* Nor is anything of it skipped. */
	feed(d, "0123456789012345678901234567890123456789", 40, &r);
	sse_decoder_reset(d);
	feed(d, "data: f\n\n", 9, &r);
	report_state(&r, d);
	assert_string_equal(r.text,
	    "message=a#1~7;message=c#1,z:w;message=e#1;!;message=f#1;#1~7");
	sse_decoder_free(d);
}

static void
is_seeded(void **state)
{
	struct sse_decoder *d = sse_decoder_new(0);
	struct sse_text id;

	(void)state;
	assert_int_equal(sse_decoder_last_id(d).len, 0);
	assert_int_equal(sse_decoder_retry_ms(d), -1);
	assert_int_equal(sse_decoder_set_last_id(d, "12 3", 4), 0);
	for (size_t i = 0; i < 3; i++) {
		char bad[3] = { 'a', "\r\n"[i], 'b' };

		errno = 0;
		assert_int_equal(sse_decoder_set_last_id(d, bad, 3), -1);
		assert_int_equal(errno, EINVAL);
	}
	id = sse_decoder_last_id(d);
	assert_int_equal(id.len, 4);
	assert_memory_equal(id.ptr, "12 3", 4);
	/* What is in force may seed itself. */
	assert_int_equal(sse_decoder_set_last_id(d, id.ptr + 3, 1), 0);
	id = sse_decoder_last_id(d);
	assert_int_equal(id.len, 1);
	assert_memory_equal(id.ptr, "3", 1);
	assert_int_equal(sse_decoder_set_last_id(d, NULL, 0), 0);
	assert_int_equal(sse_decoder_last_id(d).len, 0);
	sse_decoder_set_retry_ms(d, 5);
	assert_int_equal(sse_decoder_retry_ms(d), 5);
	sse_decoder_set_retry_ms(d, INT64_MAX);
	assert_int_equal(sse_decoder_retry_ms(d), SSE_RETRY_MAX_MS);
	sse_decoder_set_retry_ms(d, INT64_MIN);
	assert_int_equal(sse_decoder_retry_ms(d), -1);
	sse_decoder_free(d);
}

/* What is asked for holds from the next block on. */
static void
asks_between_blocks(void **state)
{
	struct sse_decoder *d = sse_decoder_new(0);
	struct report r = { .len = 0 };
	struct sse_field f;
	size_t iter = 0;

	(void)state;
	feed(d, "a: 1\n", 5, &r);
	sse_decoder_ask(d, SSE_ASK_FIELDS);
	feed(d, "b: 2\ndata: x\n\nc: 3\ndata: y\n\n", 28, &r);
	sse_decoder_ask(d, 0);
	feed(d, "d: 4\ndata: z\n\ne: 5", 19, &r);
	assert_string_equal(r.text, "message=x;message=y,c:3;message=z;");
	/* Only a block that was handed out shows its fields. */
	assert_int_equal(sse_decoder_field(d, &iter, &f), 0);
	sse_decoder_free(d);
	sse_decoder_free(NULL);
}

/* No bytes are a piece, too. */
static void
takes_no_bytes(void **state)
{
	struct sse_decoder *d = sse_decoder_new(0);
	const struct sse_event *ev;
	size_t used = 1;

	(void)state;
	assert_int_equal(sse_decoder_feed(d, NULL, 0, &used, &ev), 0);
	assert_int_equal(used, 0);
	sse_decoder_free(d);
}

/*
 * Which events can be had together: those up to the first block that is more
 * than a line of data and an ID, or not whole.
 */
static void
takes_many(void **state)
{
	static const struct {
		const char *what, *in;
		size_t n;
		const char *id;
	} cases[] = {
		{ "data alone", "data: a\n\ndata:b\n\ndata\n\n", 3, "" },
		{ "IDs", "id: 1\ndata: a\n\ndata: b\nid: 2\n\n", 2, "2" },
		{ "the last ID of several", "id: 1\nid: 2\ndata: a\n\n", 1,
		    "2" },
		{ "an ID that clears", "id: 1\ndata: a\n\nid\ndata\n\n", 2,
		    "" },
		{ "not ASCII", "data: \xc3\xa9\n\n", 1, "" },
		{ "not UTF-8", "data: a\n\ndata: \xff\n\n", 1, "" },
		{ "a type", "data: a\n\nevent: e\ndata: b\n\n", 1, "" },
		{ "an ID of a block that is none of them",
		    "id: 1\ndata: a\n\nid: 2\nx: y\ndata: b\n\n", 1, "1" },
		{ "two lines of data", "data: a\n\ndata: b\ndata: c\n\n", 1,
		    "" },
		{ "a comment", "data: a\n\n: b\ndata: c\n\n", 1, "" },
		{ "retry", "data: a\n\nretry: 1\ndata: c\n\n", 1, "" },
		{ "CR", "data: a\n\ndata: b\r\r", 1, "" },
		{ "no data", "data: a\n\nid: 1\n\n", 1, "" },
		{ "cut", "data: a\n\ndata: b\n", 1, "" },
		{ "cut within a line", "data: a\n\ndata: b", 1, "" },
		{ "a blank line too many", "data: a\n\n\ndata: b\n\n", 1, "" },
	};
	struct sse_decoder *d;
	struct sse_event ev[MANY_MAX];
	struct sse_text id;
	size_t used;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct report r = { .len = 0 };

		assert_non_null(d = sse_decoder_new(0));
		/* The first line of a stream may begin with a BOM. */
		feed(d, "data\n\n", 6, &r);
		if (sse_decoder_feed_many(d, cases[i].in, strlen(cases[i].in),
			&used, ev, MANY_MAX) != cases[i].n)
			fail_msg("%s", cases[i].what);
		id = sse_decoder_last_id(d);
		assert_int_equal(id.len, strlen(cases[i].id));
		assert_memory_equal(id.ptr, cases[i].id, id.len);
		assert_memory_equal(
		    cases[i].in + used - 2, "\n\n", 2 /* whole blocks */);
		sse_decoder_free(d);
	}
}

/* An event bears the ID in force at its place, also where a later one has one. */
static void
takes_many_with_their_ids(void **state)
{
	static const char in[] = "data: a\n\nid: 2\ndata: b\n\ndata: c\n\n";
	struct sse_decoder *d = sse_decoder_new(0);
	struct report r = { .len = 0 };

	(void)state;
	assert_non_null(d);
	feed(d, "id: one\ndata\n\n", 14, &r);
	assert_int_equal(
	    feed_many(d, in, sizeof(in) - 1, &r, MANY_MAX), sizeof(in) - 1);
	report_state(&r, d);
	assert_string_equal(
	    r.text, "message=#one;message=a#one;message=b#2;message=c#2;#2");
	sse_decoder_free(d);
}

/* What the bytes give in pieces of so many, the first of which takes cut. */
static void
decode_cut(const char *in, size_t len, size_t cut, size_t piece, size_t max,
    struct report *r, size_t many)
{
	struct sse_decoder *d = sse_decoder_new(max);

	assert_non_null(d);
	r->len = 0;
	sse_decoder_ask(d, SSE_ASK_FIELDS | SSE_ASK_COMMENTS | SSE_ASK_BLOCKS);
	feed_piece(d, in, cut, r, many);
	for (size_t at = cut; at < len; at += piece)
		feed_piece(
		    d, in + at, piece < len - at ? piece : len - at, r, many);
	report_state(r, d);
	sse_decoder_free(d);
}

/* However it is cut, and whatever the limit is. */
static void
check_glance(const char *before, const char *data, const char *end)
{
	size_t line = strlen("data: ") + strlen(data), cut = strlen(before);
	const size_t limits[] = { 0, line - 1, line, line + 1, line + 2, 256 };
	struct report got, want;
	char in[1024];
	int len = snprintf(in, sizeof(in), "%sdata: %s%sdata: %080d\n\n",
	    before, data, end, 0);

	for (size_t i = 0; i < nitems(limits); i++) {
		decode_cut(in, (size_t)len, 0, 1, limits[i], &want, 0);
		for (size_t many = 0; many <= 2; many++) {
			decode_cut(
			    in, (size_t)len, cut, 64, limits[i], &got, many);
			assert_string_equal(got.text, want.text);
			decode_cut(
			    in, (size_t)len, cut, 1024, limits[i], &got, many);
			assert_string_equal(got.text, want.text);
		}
	}
}

/*
 * Short events of one line are seen at a glance.  It has to be what a closer
 * look sees, whatever comes before them, in them and behind them.
 */
static void
sees_the_same_at_a_glance(void **state)
{
	static const char *const before[] = { "", "\n", "id: 5\n\n",
		"event: e\n", "data: b\n", "data: b\r", ": c\n", "dat" };
	static const char *const odd[] = { "", "\xff", "\xc3\xa9", ":\t" };
	static const char *const end[] = { "\n\n", "\r\n\r\n", "\r\r", "\n\r",
		"\n\r\n", "\r\n\n", "\n\n\n", "\n: c\n\n", "\nid: 1\n\n",
		"\n\n\xef\xbb\xbf", "" };
	char data[80], large[320];

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	memcpy(large + 300, "\n", 2);
	check_glance(large, "skipped with it", "\n\n");
	for (size_t b = 0; b < nitems(before); b++)
		for (size_t o = 0; o < nitems(odd); o++)
			for (size_t e = 0; e < nitems(end); e++)
				for (int n = 0; n < 64; n += n < 50 ? 7 : 1) {
					snprintf(data, sizeof(data),
					    "%0*d%s%0*d", n / 2, 0, odd[o],
					    n - n / 2, 0);
					check_glance(before[b], data, end[e]);
				}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_endless),
		cmocka_unit_test(decodes_64_mib),
		cmocka_unit_test(does_not_copy),
		cmocka_unit_test(says_what_a_block_bore),
		cmocka_unit_test(resets),
		cmocka_unit_test(is_seeded),
		cmocka_unit_test(asks_between_blocks),
		cmocka_unit_test(takes_no_bytes),
		cmocka_unit_test(takes_many),
		cmocka_unit_test(takes_many_with_their_ids),
		cmocka_unit_test(sees_the_same_at_a_glance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
