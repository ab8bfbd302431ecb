/* Events: names of channels, routing fields, copies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static void
channel_names(void **state)
{
	static const struct {
		const char *name;
		bool valid, reserved;
	} cases[] = {
		{ "news", true, false },
		{ "a", true, false },
		{ "", false, false },
		{ "a b", false, false },
		{ "a\tb", false, false },
		{ "a\nb", false, false },
		{ "a\x7f", false, false },
		{ "a,b", false, false },
		{ "a*", false, false },
		{ "a?", false, false },
		{ "[a", false, false },
		{ "a]", false, false },
		{ "a\\", false, false },
		{ "a/b:c%+#&=", true, false },
		{ "\xc3\xa9t\xc3\xa9", true, false },
		{ "\xf0\x9f\x90\xa6", true, false },
		{ "a\xc2\xa0z", false, false },     /* no-break space */
		{ "a\xc2\x85z", false, false },     /* next line */
		{ "a\xe2\x80\xa8z", false, false }, /* line separator */
		{ "a\xe3\x80\x80z", false, false }, /* ideographic space */
		{ "a\xe2\x80\x8bz", true, false },  /* zero width: no space */
		{ "a\xc3", false, false },
		{ "\xff", false, false },
		{ "\xed\xa0\x80", false, false }, /* a surrogate */
		{ "broadcast", true, true },
		{ "broadcasts", true, false },
		{ "presence", true, true },
		{ "client:7", true, true },
		{ "group:staff", true, true },
		{ "client", true, false },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct sse_text t = text_of(cases[i].name);

		if (channel_valid(t) != cases[i].valid)
			fail_msg("case %zu: \"%s\"", i, cases[i].name);
		assert_int_equal(channel_reserved(t), cases[i].reserved);
	}
}

static void
channel_length(void **state)
{
	char name[CHANNEL_MAX + 1];

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_true(channel_valid((struct sse_text){ name, CHANNEL_MAX }));
	assert_false(channel_valid((struct sse_text){ name, CHANNEL_MAX + 1 }));
	name[3] = '\0';
	assert_false(channel_valid((struct sse_text){ name, 7 }));
}

/* What set_field answers, and what encode then says. */
static void
fields(void **state)
{
	static const struct {
		const char *name, *value;
		int answer;
		const char *block;
	} cases[] = {
		{ "channel", "news", 1, "channel: news\n" },
		{ "channel", "a b", -1, "" },
		{ "channel", "", 1, "" },
		{ "match", "region=eu", 1, "match: region=eu\n" },
		{ "match", "a=b c=", 1, "match: a=b c=\n" },
		{ "match", "a=b=c", 1, "match: a=b=c\n" },
		{ "match", "eu", -1, "" },
		{ "match", "=eu", -1, "" },
		{ "match", "a=b  c=d", -1, "" },
		{ "match", " a=b", -1, "" },
		{ "match", "a=b ", -1, "" },
		{ "match", "a=b c", -1, "" },
		{ "match", "a=\tb", -1, "" },
		{ "priority", "high", 1, "priority: high\n" },
		{ "priority", "normal", 1, "" },
		{ "priority", "", 1, "" },
		{ "priority", "low", -1, "" },
		{ "expires", "1763630000", 1, "expires: 1763630000\n" },
		{ "expires", "1763630000.5", 1, "expires: 1763630000.5\n" },
		{ "expires", "1.050", 1, "expires: 1.05\n" },
		{ "expires", "1.0009", 1, "expires: 1\n" },
		{ "expires", "0", 1, "expires: 0\n" },
		{ "expires", "0.001", 1, "expires: 0.001\n" },
		{ "expires", "999999999999.999", 1,
		    "expires: 999999999999.999\n" },
		{ "expires", "1000000000000", -1, "" },
		{ "expires", "", 1, "" },
		{ "expires", "1.", -1, "" },
		{ "expires", ".5", -1, "" },
		{ "expires", "-1", -1, "" },
		{ "expires", "1e3", -1, "" },
		{ "expires", "1.5s", -1, "" },
		{ "expires", "soon", -1, "" },
		{ "origin", "17-0", 1, "origin: 17-0\n" },
		{ "origin", "a\nb", -1, "" },
		{ "via", "a b", 1, "via: a b\n" },
		{ "via", "a  b", -1, "" },
		{ "id", "1", 0, "" },
		{ "channels", "news", 0, "" },
		{ "", "news", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct event ev = EVENT_NONE;
		struct sse_buf b = { 0 };
		char want[128];

		ev.has_data = true;
		if (event_set_field(&ev, text_of(cases[i].name),
			text_of(cases[i].value)) != cases[i].answer)
			fail_msg("case %zu: %s: %s", i, cases[i].name,
			    cases[i].value);
		snprintf(want, sizeof(want), "%sdata:", cases[i].block);
		assert_int_equal(event_encode(&b, &ev), 0);
		assert_true(b.len >= strlen(want));
		assert_memory_equal(b.ptr, want, strlen(want));
		sse_buf_free(&b);
	}
}

/* A value that is malformed leaves the one before it; an empty one unsets. */
static void
fields_again(void **state)
{
	struct event ev = EVENT_NONE;

	(void)state;
	assert_int_equal(
	    event_set_field(&ev, TEXT("expires"), TEXT("12.5")), 1);
	assert_int_equal(event_set_field(&ev, TEXT("expires"), TEXT("x")), -1);
	assert_int_equal(ev.expires_ms, 12500);
	assert_int_equal(event_set_field(&ev, TEXT("expires"), TEXT("")), 1);
	assert_int_equal(ev.expires_ms, -1);
	assert_int_equal(
	    event_set_field(&ev, TEXT("priority"), TEXT("high")), 1);
	assert_int_equal(event_set_field(&ev, TEXT("priority"), TEXT("")), 1);
	assert_false(ev.high);
}

static void
faults(void **state)
{
	static const struct {
		struct sse_text channel, type, id;
		bool good;
	} cases[] = {
		{ TEXT_INIT(""), TEXT_INIT(""), TEXT_INIT(""), true },
		{ TEXT_INIT("news"), TEXT_INIT("alert"), TEXT_INIT("7"), true },
		{ TEXT_INIT("a b"), TEXT_INIT(""), TEXT_INIT(""), false },
		{ TEXT_INIT("presence"), TEXT_INIT(""), TEXT_INIT(""), false },
		{ TEXT_INIT("client:"), TEXT_INIT(""), TEXT_INIT(""), false },
		{ TEXT_INIT("group:"), TEXT_INIT(""), TEXT_INIT(""), false },
		{ TEXT_INIT("client:7"), TEXT_INIT(""), TEXT_INIT(""), true },
		{ TEXT_INIT("group:a"), TEXT_INIT(""), TEXT_INIT(""), true },
		{ TEXT_INIT("broadcast"), TEXT_INIT(""), TEXT_INIT(""), true },
		{ TEXT_INIT(""), TEXT_INIT("sse:gap"), TEXT_INIT(""), false },
		{ TEXT_INIT(""), TEXT_INIT("sse"), TEXT_INIT(""), true },
		{ TEXT_INIT(""), TEXT_INIT("a\nb"), TEXT_INIT(""), false },
		{ TEXT_INIT(""), TEXT_INIT("a\rb"), TEXT_INIT(""), false },
		{ TEXT_INIT(""), TEXT_INIT("a\0b"), TEXT_INIT(""), true },
		{ TEXT_INIT(""), TEXT_INIT(""), TEXT_INIT("a\nb"), false },
		{ TEXT_INIT(""), TEXT_INIT(""), TEXT_INIT("a\0b"), false },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct event ev = EVENT_NONE;

		ev.channel = cases[i].channel;
		ev.type = cases[i].type;
		ev.id = cases[i].id;
		ev.has_id = true;
		if ((event_fault(&ev) == NULL) != cases[i].good)
			fail_msg("case %zu", i);
	}
}

/* What cannot be encoded leaves the buffer as it was. */
static void
encode_fails_whole(void **state)
{
	struct event ev = EVENT_NONE;
	struct sse_buf b = { 0 };

	(void)state;
	assert_int_equal(sse_buf_append(&b, "x", 1), 0);
	ev.channel = TEXT("news");
	ev.id = TEXT("a\nb");
	ev.has_id = ev.has_data = true;
	errno = 0;
	assert_int_equal(event_encode(&b, &ev), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(b.len, 1);
	ev.has_id = false;
	ev.via = TEXT("a\nb");
	assert_int_equal(event_encode_routing(&b, &ev), -1);
	assert_int_equal(b.len, 1);
	sse_buf_free(&b);
}

static int
decode(const char *block, struct event *ev, struct sse_decoder *d,
    const char **what)
{
	const struct sse_event *from;
	size_t used;

	sse_decoder_ask(d, SSE_ASK_FIELDS | SSE_ASK_BLOCKS);
	assert_true(
	    sse_decoder_feed(d, block, strlen(block), &used, &from) > 0);
	return event_decode(ev, d, from, what);
}

static void
decoded(void **state)
{
	struct sse_decoder *d = sse_decoder_new(0);
	const char *what = NULL;
	struct event ev;

	(void)state;
	assert_int_equal(decode("channel: news\nevent: message\nid: 1\n"
				"x: y\nmatch: a=b\ndata: hi\nretry: 5\n\n",
			     &ev, d, &what),
	    0);
	assert_true(text_is(ev.channel, "news"));
	assert_int_equal(ev.type.len, 0);
	assert_true(ev.has_id && text_is(ev.id, "1"));
	assert_true(text_is(ev.match, "a=b"));
	assert_true(ev.has_data && text_is(ev.data, "hi"));
	assert_int_equal(ev.retry_ms, 5);
	/* An ID that is merely in force is not this event's. */
	assert_int_equal(decode("data: hi\n\n", &ev, d, &what), 0);
	assert_false(ev.has_id);
	assert_int_equal(ev.retry_ms, -1);
	assert_int_equal(decode("id: 2\n\n", &ev, d, &what), 0);
	assert_true(ev.has_id);
	assert_false(ev.has_data);
	/* One bad field is named, and does not take the others with it. */
	assert_int_equal(
	    decode("priority: 9\nexpires: x\nchannel: c\ndata: hi\n\n", &ev, d,
		&what),
	    -1);
	assert_int_equal(errno, EINVAL);
	assert_string_equal(what, "priority");
	assert_true(text_is(ev.channel, "c"));
	assert_true(text_is(ev.data, "hi"));
	sse_decoder_free(d);
}

static void
dup_owns_its_texts(void **state)
{
	char text[] = "abcdefg";
	struct event ev = EVENT_NONE, *copy;
	struct sse_text *const texts[] = { &ev.channel, &ev.type, &ev.id,
		&ev.data, &ev.match, &ev.origin, &ev.via };

	(void)state;
	for (size_t i = 0; i < nitems(texts); i++)
		*texts[i] = (struct sse_text){ text + i, 1 };
	ev.expires_ms = 9;
	copy = event_dup(&ev);
	assert_non_null(copy);
	memset(text, 'x', sizeof(text));
	assert_true(text_is(copy->channel, "a") && text_is(copy->type, "b"));
	assert_true(text_is(copy->id, "c") && text_is(copy->data, "d"));
	assert_true(text_is(copy->match, "e") && text_is(copy->origin, "f"));
	assert_true(text_is(copy->via, "g"));
	assert_int_equal(copy->expires_ms, 9);
	free(copy);
}

static void
text_is_cut(void **state)
{
	static const struct {
		const char *in, *part, *rest;
	} cases[] = {
		{ "a,b,c", "a", "b,c" },
		{ "a", "a", "" },
		{ "a,", "a", "" },
		{ ",a", "", "a" },
		{ ",", "", "" },
		{ "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct sse_text t = text_of(cases[i].in);

		assert_true(text_is(text_cut(&t, ','), cases[i].part));
		assert_true(text_is(t, cases[i].rest));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_cut),
		cmocka_unit_test(channel_names),
		cmocka_unit_test(channel_length),
		cmocka_unit_test(fields),
		cmocka_unit_test(fields_again),
		cmocka_unit_test(faults),
		cmocka_unit_test(encode_fails_whole),
		cmocka_unit_test(decoded),
		cmocka_unit_test(dup_owns_its_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
