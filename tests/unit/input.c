/* Input: bytes in a format of -f become events, however they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "input.h"
#include "json.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_BYTES 40

static void
show(FILE *to, struct input *in, int r, const struct event *ev)
{
	if (r == -1)
		fprintf(to, "!%s;", input_fault(in));
	if (r != 1)
		return;
	fprintf(to, "%llu:", input_line(in));
	if (ev->channel.len > 0)
		fprintf(to, "#%.*s,", (int)ev->channel.len, ev->channel.ptr);
	if (ev->type.len > 0)
		fprintf(to, "%.*s=", (int)ev->type.len, ev->type.ptr);
	for (size_t i = 0; i < ev->data.len; i++)
		fputc(ev->data.ptr[i] == '\0' ? '@' : ev->data.ptr[i], to);
	fputc(';', to);
}

/* All events of the input as text, the input cut into pieces of cut bytes. */
static char *
read_all(struct input *in, const char *bytes, size_t len, size_t cut)
{
	char *shown;
	size_t size, used;
	FILE *to = open_memstream(&shown, &size);
	struct event ev;
	int r;

	for (size_t at = 0; at < len;) {
		size_t n = len - at < cut ? len - at : cut;
		/* A copy of its own, so that reading past it is seen. */
		char *piece = malloc(n);

		memcpy(piece, bytes + at, n);
		r = input_feed(in, piece, n, &used, &ev);
		assert_true(used <= n && (used > 0 || r != 0));
		show(to, in, r, &ev);
		free(piece);
		at += used;
	}
	while ((r = input_end(in, &ev)) != 0)
		show(to, in, r, &ev);
	fputs(input_unfinished(in) ? "unfinished" : "", to);
	fclose(to);
	return shown;
}

static const struct {
	const char *what, *format;
	struct sse_text in;
	const char *want;
} cases[] = {
	{ "nothing", "line", TEXT_INIT(""), "" },
	{ "a line is an event", "line", TEXT_INIT("a\nb\n"), "1:a;2:b;" },
	{ "an empty line is one", "line", TEXT_INIT("\n\na\n"), "1:;2:;3:a;" },
	{ "CR before LF goes", "line", TEXT_INIT("a\r\n\r\nb\r"),
	    "1:a;2:;3:b;" },
	{ "CR within stays", "line", TEXT_INIT("a\rb\n"), "1:a\rb;" },
	{ "a half line is an event", "line", TEXT_INIT("a\nb"), "1:a;2:b;" },
	{ "NUL is a byte of a line", "line", TEXT_INIT("a\0b\n"), "1:a@b;" },
	{ "what is not UTF-8", "line", TEXT_INIT("a\xff\n\xe2\x82\n"),
	    "1:a\xef\xbf\xbd;2:\xef\xbf\xbd;" },
	{ "a line too long", "line",
	    TEXT_INIT("a\n0123456789012345678901234567890123456789\n"
		      "01234567890123456789012345678901234567890\nb\n"),
	    "1:a;2:0123456789012345678901234567890123456789;"
	    "!line 3: an event of more than 40 bytes is refused;4:b;" },
	{ "a half line too long", "line",
	    TEXT_INIT("01234567890123456789012345678901234567890"),
	    "!line 1: an event of more than 40 bytes is refused;" },
	{ "nul", "nul", TEXT_INIT("a\nb\0\0c\r"), "1:a\nb;2:;3:c\r;" },
	{ "nul too long", "nul",
	    TEXT_INIT("01234567890123456789012345678901234567890\0b\0"),
	    "!record 1: an event of more than 40 bytes is refused;2:b;" },
	{ "whole", "whole", TEXT_INIT("a\r\nb\n"), "1:a\r\nb\n;" },
	{ "whole, empty", "whole", TEXT_INIT(""), "1:;" },
	{ "whole too long", "whole",
	    TEXT_INIT("0123456789012345678901234567890123456789\n"),
	    "!an event of more than 40 bytes is refused;" },
	{ "json", "json",
	    TEXT_INIT("{\"data\":\"a\",\"event\":\"t\"}\n\n \t\r\n"
		      "{\"data\":\"b\",\"channel\":\"c\"}"),
	    "1:t=a;4:#c,b;" },
	{ "json, a bad line", "json",
	    TEXT_INIT("{\"data\":\"a\"}\nno\n{\"data\":\"b\"}\n"),
	    "1:a;!line 2: not a JSON object (column 2);3:b;" },
	{ "json, not UTF-8", "json", TEXT_INIT("{\"data\":\"a\xff\"}\n"),
	    "1:a\xef\xbf\xbd;" },
	{ "sse", "sse", TEXT_INIT("data: a\nchannel: c\nevent: t\n\ndata\n\n"),
	    "1:#c,t=a;5:;" },
	{ "sse, lines counted", "sse",
	    TEXT_INIT(
		"\n\n: c\n\ndata: a\r\n\r\n\r\ndata: b\r\rid: 7\n\ndata: c\n\n"),
	    "5:a;8:b;12:c;" },
	{ "sse, an ID alone is no event", "sse", TEXT_INIT("id: 1\n\n"), "" },
	{ "sse, unfinished", "sse", TEXT_INIT("data: a\n\ndata: b\n"),
	    "1:a;unfinished" },
	{ "sse, a comment is not unfinished", "sse",
	    TEXT_INIT("data: a\n\n: ping\n"), "1:a;" },
	{ "sse, a bad field", "sse",
	    TEXT_INIT("data: a\n\ndata: b\nexpires: x\n\ndata: c\n\n"),
	    "1:a;!line 3: field expires is malformed;6:c;" },
	{ "sse, too long", "sse",
	    TEXT_INIT("data: a\n\ndata: b\n"
		      "data: 0123456789012345678901234567890123456789\n\n"
		      "data: c\n\n"),
	    "1:a;!line 3: an event of more than 40 bytes is refused;6:c;" },
};

/* The answer may not depend on how the bytes are cut. */
static void
tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		enum input_format f;
		struct input *in;

		assert_int_equal(input_format_parse(cases[i].format, &f), 0);
		in = input_new(f, MAX_BYTES);
		/* The same object, so that an end leaves nothing behind. */
		for (size_t cut = 1; cut <= cases[i].in.len + 1; cut++) {
			char *got = read_all(
			    in, cases[i].in.ptr, cases[i].in.len, cut);

			if (strcmp(got, cases[i].want) != 0)
				fail_msg(
				    "%s, cut %zu: %s", cases[i].what, cut, got);
			free(got);
		}
		input_free(in);
	}
}

static void
formats(void **state)
{
	enum input_format f;

	(void)state;
	assert_int_equal(input_format_parse("json", &f), 0);
	assert_int_equal(f, INPUT_JSON);
	assert_int_equal(input_format_parse("JSON", &f), -1);
	assert_int_equal(input_format_parse("", &f), -1);
	assert_int_equal(input_format_parse("{data}", &f), -1);
}

/* A line that lies whole in the piece is handed out where it lies. */
static void
no_copy(void **state)
{
	static const char bytes[] = "abc\ndef\n";
	struct input *in = input_new(INPUT_LINE, 0);
	struct event ev;
	size_t used;

	(void)state;
	assert_int_equal(input_feed(in, bytes, 8, &used, &ev), 1);
	assert_ptr_equal(ev.data.ptr, bytes);
	assert_int_equal(used, 4);
	input_free(in);
}

static unsigned int seed = 1;

static size_t
below(size_t n)
{
	return (size_t)rand_r(&seed) % n;
}

/* Random text made of words, some of them awkward; "" at the end of the list. */
static struct sse_text
text_from(const char *const *words, size_t n, char *buf)
{
	size_t len = 0;

	for (size_t i = below(6); i > 0; i--) {
		const char *w = words[below(n)];

		memcpy(buf + len, w, strlen(w));
		len += strlen(w);
	}
	return (struct sse_text){ buf, len };
}

static struct event
random_event(char buf[7][256])
{
	static const char *const any[] = { "a", "\n", " ", ":", "\"", "\\",
		"\xc3\xa9", "\xf0\x9f\x90\xa6", "data: x", "\x01", "{", "\t" };
	static const char *const line[] = { "a", " ", ":", "\"", "\xc3\xa9",
		"\x01", "\\", "message" };
	static const char *const name[] = { "a", ":", "\xc3\xa9", "-", "0" };
	struct event ev = EVENT_NONE;

	ev.data = text_from(any, nitems(any), buf[0]);
	ev.has_data = true;
	ev.type = text_from(line, nitems(line), buf[1]);
	if (text_is(ev.type, "message"))
		ev.type.len = 0;
	ev.has_id = below(2) == 0;
	if (ev.has_id)
		ev.id = text_from(line, nitems(line), buf[2]);
	ev.channel = text_from(name, nitems(name), buf[3]);
	ev.origin = text_from(line, nitems(line), buf[4]);
	if (below(2) == 0)
		ev.match = TEXT("a=b c=\xc3\xa9");
	if (below(2) == 0)
		ev.via = TEXT("one two");
	ev.high = below(2) == 0;
	if (below(2) == 0)
		ev.retry_ms = (int64_t)below(100000);
	if (below(2) == 0)
		ev.expires_ms = (int64_t)below(2000000000) * 997;
	return ev;
}

static void
texts_equal(struct sse_text a, struct sse_text b)
{
	assert_int_equal(a.len, b.len);
	if (a.len > 0)
		assert_memory_equal(a.ptr, b.ptr, a.len);
}

static void
events_equal(const struct event *a, const struct event *b)
{
	texts_equal(a->channel, b->channel);
	texts_equal(a->type, b->type);
	texts_equal(a->data, b->data);
	assert_int_equal(a->has_id, b->has_id);
	texts_equal(a->id, b->id);
	texts_equal(a->match, b->match);
	texts_equal(a->origin, b->origin);
	texts_equal(a->via, b->via);
	assert_true(a->retry_ms == b->retry_ms);
	assert_true(a->expires_ms == b->expires_ms);
	assert_int_equal(a->high, b->high);
	assert_int_equal(a->has_data, b->has_data);
}

/* The one event of b, cut somewhere, as a copy of its own. */
static struct event *
read_one(struct input *in, const struct sse_buf *b)
{
	size_t cut = below(b->len + 1), used;
	struct event ev, *copy = NULL;
	int r = 0;

	for (size_t at = 0; at < b->len; at += used) {
		size_t n = at < cut ? cut - at : b->len - at;

		r = input_feed(in, b->ptr + at, n, &used, &ev);
		assert_int_not_equal(r, -1);
		if (r == 1) {
			assert_null(copy);
			copy = event_dup(&ev);
		}
	}
	assert_non_null(copy);
	return copy;
}

/* Nothing is changed on the way event -> sse -> event -> json -> event. */
static void
round_trips(void **state)
{
	struct input *sse = input_new(INPUT_SSE, 0);
	struct input *json = input_new(INPUT_JSON, 0);
	struct sse_buf b = { 0 };
	char buf[7][256];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct event ev = random_event(buf), *first, *second;

		b.len = 0;
		assert_int_equal(event_encode(&b, &ev), 0);
		first = read_one(sse, &b);
		events_equal(&ev, first);
		b.len = 0;
		assert_int_equal(json_encode_event(&b, first), 0);
		second = read_one(json, &b);
		events_equal(&ev, second);
		free(first);
		free(second);
	}
	sse_buf_free(&b);
	input_free(sse);
	input_free(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(formats),
		cmocka_unit_test(no_copy),
		cmocka_unit_test(round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
