#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoding.h"

/*
 * The library's allocations, and this test's, come by here: the linker is told
 * to --wrap them.
 */
static struct {
	size_t calls;    /* since the count was last set to 0 */
	size_t fail_at;  /* the call that fails; 0: none does */
	size_t fail_run; /* how many fail from there on */
	size_t live;     /* blocks not freed */
	size_t bytes, peak;
} heap;

void *__real_calloc(size_t, size_t);
void *__real_malloc(size_t);
void *__real_realloc(void *, size_t);
void __real_free(void *);
void *__wrap_calloc(size_t, size_t);
void *__wrap_malloc(size_t);
void *__wrap_realloc(void *, size_t);
void __wrap_free(void *);

static bool
heap_fails(void)
{
	heap.calls++;
	return heap.fail_at > 0 && heap.calls >= heap.fail_at &&
	    heap.calls < heap.fail_at + heap.fail_run;
}

static void *
heap_add(void *p)
{
	if (p == NULL)
		return NULL;
	heap.live++;
	heap.bytes += malloc_usable_size(p);
	if (heap.bytes > heap.peak)
		heap.peak = heap.bytes;
	return p;
}

static void
heap_remove(void *p)
{
	if (p == NULL)
		return;
	heap.live--;
	heap.bytes -= malloc_usable_size(p);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return heap_fails() ? NULL : heap_add(__real_calloc(n, size));
}

void *
__wrap_malloc(size_t size)
{
	return heap_fails() ? NULL : heap_add(__real_malloc(size));
}

void *
__wrap_realloc(void *p, size_t size)
{
	void *q;

	if (heap_fails())
		return NULL;
	heap_remove(p);
	if ((q = __real_realloc(p, size)) == NULL)
		heap_add(p);
	return heap_add(q);
}

void
__wrap_free(void *p)
{
	heap_remove(p);
	__real_free(p);
}

#define LIMIT 800

/* What makes a decoder allocate, in every way that it does. */
static char stream[4096];
static size_t stream_len;

static void
make_stream(void)
{
	stream_len = (size_t)snprintf(stream, sizeof(stream),
	    "\xef\xbb\xbf"
	    "data: 0\ndata: 1\n\n"
	    "id: 4\ndata: %0*d\nid: 5\n\ndata: a\ndata: b\nx: y\n\n"
	    "id: 1\nevent: one\ndata: a\n\n"
	    "id: 2\nevent: two\ndata: a\ndata: b\n: c\nx: y\n\n"
	    "data\nid: %0300d\nevent: %0300d\n\n"
	    "data: \xff not UTF-8\nid: \xfe\nevent: \xfd\ndata: \xc0\n\n"
	    "retry: 10\nx: \xff\n\nid: 3\n\ndata: c\r\n\r\n"
	    "id: %0400d\ndata: f\n\nid: 3\ndata: g\n\n"
	    "data: d\ndata: e\n\n",
	    LIMIT, 1, 2, 3, 4);
}

#define EVERYTHING (SSE_ASK_FIELDS | SSE_ASK_COMMENTS | SSE_ASK_BLOCKS)

/*
 * Feed one piece, from new memory for each call.  After ENOMEM the rest is fed
 * again, as the contract has it.  Returns how often that was.
 */
static size_t
feed_stubbornly(struct sse_decoder *d, unsigned int ask, const char *p,
    size_t len, struct report *r)
{
	const struct sse_event *ev;
	size_t many, used, was, failures = 0;
	char *piece, last_id[LIMIT];
	struct sse_text id;
	int got;

	do {
		/* Our own memory is not to fail, nor to be counted. */
		assert_non_null(piece = __real_malloc(len + 1));
		memcpy(piece, p, len);
		/* What it has no memory for it leaves to the other. */
		many = feed_many(d, piece, len, r, MANY_MAX);
		p += many;
		len -= many;
		id = sse_decoder_last_id(d);
		assert_true(id.len < sizeof(last_id));
		memcpy(last_id, id.ptr, was = id.len);
		got = sse_decoder_feed(d, piece + many, len, &used, &ev);
		assert_true(used <= len);
		p += used;
		len -= used;
		if (got > 0)
			report_block(r, d, got, ev);
		else if (got == -1 && errno == EMSGSIZE)
			report(r, "!;", 2);
		else if (got == -1) {
			assert_int_equal(errno, ENOMEM);
			/* When each block is handed out, this one was not. */
			if (ask & SSE_ASK_BLOCKS) {
				id = sse_decoder_last_id(d);
				assert_int_equal(id.len, was);
				assert_memory_equal(id.ptr, last_id, was);
			}
			failures++;
		}
		memset(piece, 'X', many + len);
		__real_free(piece);
	} while (got != 0);
	return failures;
}

/* Returns how often memory ran out. */
static size_t
decode(struct report *r, unsigned int ask, size_t step, size_t fail_at,
    size_t fail_run)
{
	struct sse_decoder *d;
	size_t failures = 0;

	*r = (struct report){ .len = 0 };
	heap.calls = 0;
	heap.fail_at = fail_at;
	heap.fail_run = fail_run;
	while ((d = sse_decoder_new(LIMIT)) == NULL) {
		assert_int_equal(errno, ENOMEM);
		failures++;
	}
	sse_decoder_ask(d, ask);
	while (sse_decoder_set_last_id(d, "seed", 4) == -1) {
		assert_int_equal(errno, ENOMEM);
		assert_int_equal(sse_decoder_last_id(d).len, 0);
		failures++;
	}
	for (size_t at = 0; at < stream_len; at += step)
		failures += feed_stubbornly(d, ask, stream + at,
		    stream_len - at < step ? stream_len - at : step, r);
	report_state(r, d);
	sse_decoder_free(d);
	if (failures == 0 && fail_at > 0 && heap.calls >= fail_at)
		failures = 1; /* in sse_decoder_feed_many() */
	heap.fail_at = 0;
	return failures;
}

/* Whichever allocation fails, nothing is lost, changed, doubled or leaked. */
static void
outlive_any_failure(unsigned int ask)
{
	static const size_t steps[] = { sizeof(stream), 1, 2, 7, 64, 100, 300,
		1000 };
	static struct report want, got;
	size_t live = heap.live, n;

	decode(&want, ask, sizeof(stream), 0, 0);
	assert_non_null(strstr(want.text, "message=d\ne#3"));
	assert_non_null(strstr(want.text, "!;"));
	for (size_t run = 1; run <= 3; run++)
		for (size_t i = 0; i < nitems(steps); i++) {
			for (n = 1; decode(&got, ask, steps[i], n, run) > 0;
			     n++) {
				if (strcmp(got.text, want.text) != 0)
					fail_msg("pieces of %zu, %zu fail from "
						 "%zu on:\n got %s\nwant %s",
					    steps[i], run, n, got.text,
					    want.text);
				assert_int_equal(heap.live, live);
			}
			assert_string_equal(got.text, want.text);
			/* The loop did more than find nothing to fail. */
			assert_true(n > 4);
		}
}

static void
decoder_outlives_any_failure(void **state)
{
	(void)state;
	outlive_any_failure(0);
	outlive_any_failure(EVERYTHING);
}

enum { APPEND, EVENT, FIELD, DATA, END, COMMENT, UTF8, ENCODERS };

static int
encode(int which, struct sse_buf *b)
{
	static char bytes[1000];
	struct sse_text lines = { "a\nb\rc\r\nd", 8 }, text = { bytes, 1000 };
	struct sse_event ev = { .type = { "e", 1 },
		.id = { "1", 1 },
		.retry_ms = 1,
		.data = lines,
		.has = SSE_HAS_ID | SSE_HAS_RETRY | SSE_HAS_DATA };

	memset(bytes, '\xff', sizeof(bytes));
	switch (which) {
	case APPEND:
		return sse_buf_append(b, "a", 1);
	case EVENT:
		return sse_encode_event(b, &ev);
	case FIELD:
		return sse_encode_field(b, text, text);
	case DATA:
		return sse_encode_data(b, lines);
	case END:
		return sse_encode_end(b);
	case COMMENT:
		return sse_encode_comment(b, lines);
	default:
		return sse_utf8_append(b, bytes, sizeof(bytes));
	}
}

/* A buffer has what it had before when a function fails; then it succeeds. */
static void
encoder_outlives_any_failure(void **state)
{
	struct sse_buf want = { NULL, 0, 0 }, b = { NULL, 0, 0 };
	size_t live = heap.live, n, room;
	int got;

	(void)state;
	for (int i = 0; i < ENCODERS; i++)
		for (room = 0; room < 64; room++) {
			want.len = 0;
			assert_int_equal(sse_buf_append(&want, "kept", 4), 0);
			assert_int_equal(encode(i, &want), 0);
			for (n = 1, got = -1; got == -1; n++) {
				assert_int_equal(
				    sse_buf_append(&b, "kept", 4), 0);
				/* However near the end of the buffer is. */
				b.cap = 4 + room;
				heap.calls = 0;
				heap.fail_at = n;
				heap.fail_run = 1;
				got = encode(i, &b);
				heap.fail_at = 0;
				if (got == -1) {
					assert_int_equal(errno, ENOMEM);
					assert_int_equal(b.len, 4);
					assert_memory_equal(b.ptr, "kept", 4);
				} else {
					assert_int_equal(b.len, want.len);
					assert_memory_equal(
					    b.ptr, want.ptr, want.len);
				}
				sse_buf_free(&b);
			}
			/* With no room at all, each of them allocates. */
			assert_true(n > 2 || room > 0);
		}
	sse_buf_free(&want);
	assert_int_equal(heap.live, live);
}

/* Once buffers have grown, no event takes an allocation. */
static void
steady_state_allocates_nothing(void **state)
{
	static const size_t steps[] = { 1, 13, 100, 16384 };
	static char block[60000];
	struct sse_buf b = { NULL, 0, 0 };
	struct sse_text text = { block, sizeof(block) };
	struct sse_event ev = { .data = text, .has = SSE_HAS_DATA };
	struct report r;

	(void)state;
	memset(block, 'a', sizeof(block));
	for (size_t i = 0; i < nitems(steps); i++) {
		struct sse_decoder *d = sse_decoder_new(0);

		sse_decoder_ask(d, EVERYTHING);
		for (int round = 0; round < 20; round++) {
			const struct sse_event *got;
			size_t used, n, len = 0;

			/* The first rounds, at every cut, find the sizes. */
			if (round == 10)
				heap.calls = 0;
			r.len = 0;
			for (size_t at = 0; at < stream_len; at += n) {
				n = stream_len - at;
				n = n < steps[i] ? n : steps[i];
				feed_stubbornly(
				    d, EVERYTHING, stream + at, n, &r);
			}
			b.len = 0;
			assert_int_equal(sse_encode_event(&b, &ev), 0);
			for (size_t at = 0; at < b.len; at += used) {
				n = b.len - at;
				n = n < steps[i] ? n : steps[i];
				if (sse_decoder_feed(
					d, b.ptr + at, n, &used, &got) == 1)
					len += got->data.len;
			}
			assert_int_equal(len, sizeof(block));
		}
		assert_int_equal(heap.calls, 0);
		sse_decoder_free(d);
	}
	sse_buf_free(&b);
}

/*
 * Blocks that each grow another of the decoder's buffers to the limit, one
 * after the other: what they leave does not add up.  Returns the peak.
 */
static size_t
grow_all(size_t max, int byte)
{
	static const char *const lines[] = { "data: ", "event: ", "id: ", "x: ",
		": ", "data: \xff", "id: \xff", "data: a\ndata: ", "x: \xff",
		"data: a\nid: 1\ndata: \xff" };
	static char piece[1024];
	const struct sse_event *ev;
	size_t before = heap.bytes, used;
	struct sse_decoder *d;

	memset(piece, byte, sizeof(piece));
	heap.peak = heap.bytes;
	assert_non_null(d = sse_decoder_new(max));
	sse_decoder_ask(d, SSE_ASK_FIELDS | SSE_ASK_COMMENTS);
	/* Just within the limit, then beyond it; U+FFFD takes three bytes. */
	for (size_t size = max - 4096; size <= max + 4096; size += 8192)
		for (size_t i = 0; i < nitems(lines) * 2; i++) {
			const char *line = lines[i % nitems(lines)];

			sse_decoder_feed(d, line, strlen(line), &used, &ev);
			for (size_t n = 0; n < size;
			     n += sizeof(piece) * (byte == 0xff ? 3 : 1))
				sse_decoder_feed(
				    d, piece, sizeof(piece), &used, &ev);
			while (sse_decoder_feed(d, "\n\n", 2, &used, &ev) != 0)
				;
			sse_decoder_reset(d);
		}
	sse_decoder_free(d);
	assert_int_equal(heap.bytes, before);
	return heap.peak - before;
}

/* As sse_decoder(3) says. */
static void
memory_is_bounded(void **state)
{
	static const size_t limits[] = { 8192, 65536, 100000,
		(1 << 18) + 8192 };

	(void)state;
	for (size_t i = 0; i < nitems(limits); i++) {
		size_t plain = grow_all(limits[i], 'a');
		size_t invalid = grow_all(limits[i], 0xff);
		size_t peak = plain > invalid ? plain : invalid;

		if (plain < limits[i] || peak > 6 * limits[i] + 65536)
			fail_msg("a limit of %zu, and %zu bytes held",
			    limits[i], peak);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoder_outlives_any_failure),
		cmocka_unit_test(encoder_outlives_any_failure),
		cmocka_unit_test(steady_state_allocates_nothing),
		cmocka_unit_test(memory_is_bounded),
	};

	make_stream();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
