#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sse.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))
#define T(s)                       \
	{                          \
		(s), sizeof(s) - 1 \
	}

static const struct {
	const char *what;
	struct sse_event ev;
	const char *want;
} events[] = {
	{ "data", { .data = T("a"), .has = SSE_HAS_DATA }, "data: a\n\n" },
	{ "empty data", { .data = T(""), .has = SSE_HAS_DATA }, "data:\n\n" },
	{ "LF", { .data = T("a\nb"), .has = SSE_HAS_DATA },
	    "data: a\ndata: b\n\n" },
	{ "CR", { .data = T("a\rb"), .has = SSE_HAS_DATA },
	    "data: a\ndata: b\n\n" },
	{ "CRLF", { .data = T("a\r\nb"), .has = SSE_HAS_DATA },
	    "data: a\ndata: b\n\n" },
	{ "mixed line ends",
	    { .data = T("\r\n\n\ra\n\r\n\r\r"), .has = SSE_HAS_DATA },
	    "data:\ndata:\ndata:\ndata: a\ndata:\ndata:\ndata:\ndata:\n\n" },
	{ "a line end at the end", { .data = T("a\n"), .has = SSE_HAS_DATA },
	    "data: a\ndata:\n\n" },
	{ "a space in front stays", { .data = T(" a"), .has = SSE_HAS_DATA },
	    "data:  a\n\n" },
	{ "type", { .type = T("e"), .has = SSE_HAS_DATA },
	    "event: e\ndata:\n\n" },
	{ "message is not said", { .type = T("message"), .has = SSE_HAS_DATA },
	    "data:\n\n" },
	{ "all",
	    { .type = T("e"),
		.data = T("d"),
		.id = T("i"),
		.retry_ms = 10,
		.has = SSE_HAS_ID | SSE_HAS_RETRY | SSE_HAS_DATA },
	    "event: e\nid: i\nretry: 10\ndata: d\n\n" },
	{ "only what is said to be there",
	    { .data = T("d"),
		.id = T("i"),
		.retry_ms = 10,
		.has = SSE_HAS_DATA },
	    "data: d\n\n" },
	{ "ID alone", { .id = T("i"), .has = SSE_HAS_ID }, "id: i\n\n" },
	{ "an empty ID", { .id = T(""), .has = SSE_HAS_ID }, "id:\n\n" },
	{ "type alone", { .type = T("e") }, "event: e\n\n" },
	{ "retry alone", { .retry_ms = 0, .has = SSE_HAS_RETRY },
	    "retry: 0\n\n" },
	{ "the largest retry", { .retry_ms = INT64_MAX, .has = SSE_HAS_RETRY },
	    "retry: 9223372036854775807\n\n" },
};

static void
encodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(events); i++) {
		struct sse_buf b = { NULL, 0, 0 };

		assert_int_equal(sse_encode_event(&b, &events[i].ev), 0);
		assert_int_equal(sse_buf_append(&b, "", 1), 0);
		if (strcmp(b.ptr, events[i].want) != 0)
			fail_msg("%s: %s", events[i].what, b.ptr);
		sse_buf_free(&b);
	}
}

/* What cannot be said is refused, and leaves no trace. */
static const struct {
	const char *what;
	struct sse_event ev;
} refused[] = {
	{ "nothing", { .data = T("a"), .id = T("1") } },
	{ "message and nothing else", { .type = T("message") } },
	{ "LF in type", { .type = T("a\nb"), .has = SSE_HAS_DATA } },
	{ "CR in type", { .type = T("\r"), .has = SSE_HAS_DATA } },
	{ "LF in ID", { .id = T("a\n"), .has = SSE_HAS_ID | SSE_HAS_DATA } },
	{ "CR in ID", { .id = T("\ra"), .has = SSE_HAS_ID | SSE_HAS_DATA } },
	{ "NUL in ID", { .id = T("a\0b"), .has = SSE_HAS_ID } },
	{ "retry below 0", { .retry_ms = -1, .has = SSE_HAS_RETRY } },
};

static void
refuses(void **state)
{
	struct sse_buf b = { NULL, 0, 0 };

	(void)state;
	assert_int_equal(sse_buf_append(&b, "kept", 4), 0);
	for (size_t i = 0; i < nitems(refused); i++) {
		errno = 0;
		if (sse_encode_event(&b, &refused[i].ev) != -1 ||
		    errno != EINVAL)
			fail_msg("%s is not refused", refused[i].what);
		assert_int_equal(b.len, 4);
		assert_memory_equal(b.ptr, "kept", 4);
	}
	sse_buf_free(&b);
}

static const struct {
	struct sse_text name, value;
	const char *want; /* NULL: refused */
} fields[] = {
	{ T("channel"), T("a"), "channel: a\n" },
	{ T("x"), T(""), "x:\n" },
	{ T("x"), T(" :y"), "x:  :y\n" },
	{ T(""), T("a"), NULL },
	{ T("a:b"), T("a"), NULL },
	{ T("a\n"), T("a"), NULL },
	{ T("\ra"), T("a"), NULL },
	{ T("a"), T("a\nb"), NULL },
	{ T("a"), T("\r"), NULL },
};

static void
encodes_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(fields); i++) {
		struct sse_buf b = { NULL, 0, 0 };
		int got = sse_encode_field(&b, fields[i].name, fields[i].value);

		if (fields[i].want == NULL) {
			assert_int_equal(got, -1);
			assert_int_equal(errno, EINVAL);
			assert_int_equal(b.len, 0);
		} else {
			assert_int_equal(got, 0);
			assert_int_equal(b.len, strlen(fields[i].want));
			assert_memory_equal(b.ptr, fields[i].want, b.len);
		}
		sse_buf_free(&b);
	}
}

static void
encodes_comments(void **state)
{
	static const struct sse_text texts[] = { T(""), T("ping"),
		T("a\r\nb") };
	struct sse_buf b = { NULL, 0, 0 };

	(void)state;
	for (size_t i = 0; i < nitems(texts); i++)
		assert_int_equal(sse_encode_comment(&b, texts[i]), 0);
	assert_int_equal(sse_encode_end(&b), 0);
	assert_int_equal(sse_buf_append(&b, "", 1), 0);
	assert_string_equal(b.ptr, ":\n: ping\n: a\n: b\n\n");
	sse_buf_free(&b);
}

/* A buffer that is large enough is used as it is, to its last byte. */
static void
uses_the_buffer_it_is_given(void **state)
{
	struct sse_event ev = { .data = T("a\nb"), .has = SSE_HAS_DATA };
	char bytes[17];
	struct sse_buf b = { bytes, 0, sizeof(bytes) };

	(void)state;
	assert_int_equal(sse_encode_event(&b, &ev), 0);
	assert_ptr_equal(b.ptr, bytes);
	assert_int_equal(b.len, sizeof(bytes));
	assert_memory_equal(bytes, "data: a\ndata: b\n\n", sizeof(bytes));
}

static void
refuses_sizes_that_wrap(void **state)
{
	struct sse_buf b = { NULL, 0, 0 };

	(void)state;
	assert_int_equal(sse_buf_append(&b, "a", 1), 0);
	errno = 0;
	assert_int_equal(sse_buf_reserve(&b, SIZE_MAX), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(b.len, 1);
	assert_int_equal(b.ptr[0], 'a');
	sse_buf_free(&b);
	assert_null(b.ptr);
	assert_int_equal(b.len + b.cap, 0);
}

static uint64_t seed = 1;

static size_t
below(size_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (size_t)(seed >> 33) % n;
}

/* Bytes that mean something in a stream, and valid UTF-8 besides. */
static struct sse_text
random_text(char *p, size_t max, int lines)
{
	static const char *const parts[] = { "\r", "\n", "\r\n", "\0", ":", " ",
		"a", "data: ", "id", "é", "東京", "🙂", "0",
		"a longer run of plain text, so that chunks are crossed; " };
	size_t n = below(max), len = 0, i;

	while (len + 60 < n) {
		i = below(nitems(parts));
		if (!lines && i < 4)
			continue;
		memcpy(p + len, parts[i], i == 3 ? 1 : strlen(parts[i]));
		len += i == 3 ? 1 : strlen(parts[i]);
	}
	return (struct sse_text){ p, len };
}

/* Lines joined by LF: what the standard makes of data. */
static void
normalize(char *p, size_t *len)
{
	size_t to = 0;

	for (size_t i = 0; i < *len; i++) {
		if (p[i] == '\n' && i > 0 && p[i - 1] == '\r')
			continue;
		p[to++] = p[i];
	}
	for (size_t i = 0; i < to; i++)
		if (p[i] == '\r')
			p[i] = '\n';
	*len = to;
}

static void
assert_text(struct sse_text got, struct sse_text want)
{
	assert_int_equal(got.len, want.len);
	if (got.len > 0)
		assert_memory_equal(got.ptr, want.ptr, want.len);
}

/* decode(encode(e)) == e, fields and comments included, at a random cut. */
static void
comes_back_as_it_was(void **state)
{
	static char data[2000], type[300], id[300], value[300];
	struct sse_decoder *d = sse_decoder_new(0);
	struct sse_buf b = { NULL, 0, 0 };

	(void)state;
	sse_decoder_ask(d, SSE_ASK_FIELDS | SSE_ASK_COMMENTS | SSE_ASK_BLOCKS);
	for (int i = 0; i < 20000; i++) {
		struct sse_text other = random_text(value, sizeof(value), 0);
		struct sse_event ev = { .data = random_text(
					    data, 1 + below(sizeof(data)), 1),
			.type = random_text(type, sizeof(type), 0),
			.id = random_text(id, sizeof(id), 0),
			.retry_ms = (int64_t)below(SSE_RETRY_MAX_MS + 1),
			.has = SSE_HAS_DATA | (unsigned int)below(16) };
		const struct sse_event *got = NULL;
		size_t used = 0, more = 0, cut, iter = 0;
		struct sse_field f;
		int r;

		if (ev.type.len == 0)
			ev.has &= ~SSE_HAS_EVENT;
		if (!(ev.has & SSE_HAS_EVENT))
			ev.type = (struct sse_text)T("message");
		b.len = 0;
		assert_int_equal(
		    sse_encode_field(&b, (struct sse_text)T("x"), other), 0);
		assert_int_equal(sse_encode_comment(&b, other), 0);
		assert_int_equal(sse_encode_event(&b, &ev), 0);
		cut = below(b.len);
		r = sse_decoder_feed(d, b.ptr, cut, &used, &got);
		if (r == 0)
			r = sse_decoder_feed(
			    d, b.ptr + cut, b.len - cut, &more, &got);
		assert_int_equal(r, 1);
		assert_int_equal(used + more, b.len);
		normalize(data, &ev.data.len);
		assert_text(got->data, ev.data);
		assert_text(got->type, ev.type);
		if (ev.has & SSE_HAS_ID)
			assert_text(got->id, ev.id);
		assert_int_equal(got->has, ev.has);
		assert_int_equal(
		    got->retry_ms, ev.has & SSE_HAS_RETRY ? ev.retry_ms : -1);
		assert_int_equal(sse_decoder_field(d, &iter, &f), 1);
		assert_text(f.name, (struct sse_text)T("x"));
		assert_text(f.value, other);
		assert_int_equal(sse_decoder_field(d, &iter, &f), 1);
		assert_int_equal(f.name.len, 0);
		assert_text(f.value, other);
		assert_int_equal(sse_decoder_field(d, &iter, &f), 0);
	}
	sse_buf_free(&b);
	sse_decoder_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(encodes_fields),
		cmocka_unit_test(encodes_comments),
		cmocka_unit_test(uses_the_buffer_it_is_given),
		cmocka_unit_test(refuses_sizes_that_wrap),
		cmocka_unit_test(comes_back_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
