#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-relay/carry.h"
#include "../../../cmd/sse-relay/mark.h"
#include "../../../cmd/sse-relay/name.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/* An event as "CHANNEL TYPE ID ORIGIN VIA", "-" for what is not there. */
static const struct {
	const char *what;
	const char *channel, *type, *id, *origin, *via;
	int64_t expires_ms;
	const char *to;
	bool mint;
	enum carry_what want;
	const char *event;
} cases[] = {
	{ "without its ID, that becomes the origin", "news", "", "7-1", "", "",
	    -1, NULL, true, CARRY_ON, "news - - 7-1 me" },
	{ "the ID stays", "news", "", "7-1", "", "", -1, NULL, false, CARRY_ON,
	    "news - 7-1 - me" },
	{ "the nearest source is the origin", "news", "t", "7-1", "old", "a b",
	    -1, NULL, true, CARRY_ON, "news t - 7-1 a b me" },
	{ "without an ID the origin stays", "news", "t", "", "old", "", -1,
	    NULL, true, CARRY_ON, "news t - old me" },
	{ "the sink's one channel takes all", "news", "", "", "", "", -1,
	    "copy", true, CARRY_ON, "copy - - - me" },
	{ "no channel at all", "", "", "1", "", "", -1, NULL, true, CARRY_LOST,
	    NULL },
	{ "standard output needs no channel", "", "", "1", "", "", -1, NULL,
	    false, CARRY_ON, "- - 1 - me" },
	{ "been here", "news", "", "1", "", "a me b", -1, NULL, true,
	    CARRY_LOOP, NULL },
	{ "not been here", "news", "", "1", "", "meow me2 ame", -1, NULL, true,
	    CARRY_ON, "news - - 1 meow me2 ame me" },
	{ "expired", "news", "", "1", "", "", 999, NULL, true, CARRY_EXPIRED,
	    NULL },
	{ "expires now", "news", "", "1", "", "", 1000, NULL, true, CARRY_ON,
	    "news - - 1 me" },
	{ "a source's own", "news", "sse:hello", "1", "", "", -1, NULL, false,
	    CARRY_NOTHING, NULL },
	{ "but a gap is passed on", "news", "sse:gap", "", "", "", -1, NULL,
	    false, CARRY_ON, "news sse:gap - - me" },
	{ "mapped", "a.x", "", "1", "", "", -1, "copy", false, CARRY_ON,
	    "b.x - 1 - me" },
	{ "its types are no prefix", "news", "sse", "1", "", "", -1, NULL, true,
	    CARRY_ON, "news sse - 1 me" },
	{ "a channel out of bounds", "a b", "", "1", "", "", -1, NULL, true,
	    CARRY_BAD, NULL },
	{ "which the sink's own replaces", "a b", "", "1", "", "", -1, "copy",
	    true, CARRY_ON, "copy - - 1 me" },
};

static void
append(char *s, size_t cap, struct sse_text t)
{
	size_t len = strlen(s);

	snprintf(s + len, cap - len, "%s%.*s", len > 0 ? " " : "",
	    t.len > 0 ? (int)t.len : 1, t.len > 0 ? t.ptr : "-");
}

static void
shown(char *s, size_t cap, const struct event *ev)
{
	*s = '\0';
	append(s, cap, ev->channel);
	append(s, cap, ev->type);
	append(s, cap, ev->has_id ? ev->id : TEXT(""));
	append(s, cap, ev->origin);
	append(s, cap, ev->via);
}

static enum carry_what
look_and_carry(
    struct carry *c, struct event *ev, int64_t now_ms, const char **fault)
{
	enum carry_what what = carry_look(c, ev, now_ms);

	return what == CARRY_ON ? carry_event(c, ev, fault) : what;
}

static void
test_carry(void **state)
{
	const struct map map = { TEXT("a.*"), TEXT("b.*") };
	struct carry c = {
		.name = "me", .maps = &map, .nmaps = 1, .fault = event_fault
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct event ev = EVENT_NONE;
		const char *fault = NULL;
		char got[256];

		ev.channel = text_of(cases[i].channel);
		ev.type = text_of(cases[i].type);
		ev.id = text_of(cases[i].id);
		ev.has_id = ev.id.len > 0;
		ev.origin = text_of(cases[i].origin);
		ev.via = text_of(cases[i].via);
		ev.expires_ms = cases[i].expires_ms;
		ev.data = TEXT("data");
		ev.has_data = true;
		c.channel = cases[i].to;
		c.mint = c.routed = cases[i].mint;
		if (look_and_carry(&c, &ev, 1000, &fault) != cases[i].want)
			fail_msg("%s: not as wanted", cases[i].what);
		assert_true((fault != NULL) ==
		    (cases[i].want == CARRY_BAD ||
			cases[i].want == CARRY_LOST));
		if (cases[i].event == NULL)
			continue;
		shown(got, sizeof(got), &ev);
		if (strcmp(got, cases[i].event) != 0)
			fail_msg("%s: %s", cases[i].what, got);
		assert_memory_equal(ev.data.ptr, "data", 4);
	}
	carry_free(&c);
}

/* What has no data dispatches nothing, also when it bears an ID. */
static void
test_no_data(void **state)
{
	struct carry c = { .name = "me", .fault = event_fault };
	struct event ev = EVENT_NONE;

	(void)state;
	ev.id = TEXT("1");
	ev.has_id = true;
	assert_int_equal(carry_look(&c, &ev, 0), CARRY_NOTHING);
	carry_free(&c);
}

/* "FROM=TO NAME" and what comes of it: "-" no match, "!" no channel. */
static void
test_map(void **state)
{
	static const struct {
		const char *map, *name, *want;
	} maps[] = {
		{ "a=b", "a", "b" },
		{ "a=b", "aa", "-" },
		{ "a=b", "", "-" },
		{ "*=x", "any", "x" },
		{ "*=x.*", "any", "x.any" },
		{ "*.eu=eu.*", "news.eu", "eu.news" },
		{ "*.eu=eu.*", ".eu", "eu." },
		{ "a*a=*", "aa", "!" },
		{ "a*a=<*>", "aba", "<b>" },
		{ "a*a=*", "a", "-" },
		{ "a==*x", "a", NULL },
		{ "a=b=c", "a", "b=c" },
		{ "*=*:*", "a", NULL },
		{ "**=b", "a", NULL },
		{ "a=*", "a", NULL },
		{ "a", "a", NULL },
		{ "=b", "a", NULL },
		{ "a=", "a", NULL },
		{ "a b=c", "a", NULL },
		{ "a=?", "a", NULL },
	};
	char buf[CHANNEL_MAX], long_name[CHANNEL_MAX + 1];
	const char *fault;
	struct sse_text to;
	struct map m;

	(void)state;
	for (size_t i = 0; i < nitems(maps); i++) {
		const char *got = "-";

		if (map_parse(&m, maps[i].map, &fault) == -1) {
			if (maps[i].want != NULL)
				fail_msg("%s: %s", maps[i].map, fault);
			continue;
		}
		assert_non_null(maps[i].want);
		if (map_apply(&m, 1, text_of(maps[i].name), buf, &to))
			got = to.len == 0 ? "!" : to.ptr;
		if (strncmp(got, maps[i].want, strlen(maps[i].want)) != 0)
			fail_msg("%s %s: %s", maps[i].map, maps[i].name, got);
	}
	/* What would be too long is none. */
	memset(long_name, 'x', CHANNEL_MAX);
	long_name[CHANNEL_MAX] = '\0';
	assert_int_equal(map_parse(&m, "*=a*", &fault), 0);
	assert_true(map_apply(&m, 1, text_of(long_name), buf, &to));
	assert_int_equal(to.len, 0);
}

static void
test_name(void **state)
{
	static const struct {
		const char *name;
		bool valid;
	} names[] = {
		{ "a", true },
		{ "Relay-1.x_", true },
		{ "", false },
		{ "a b", false },
		{ "a:b", false },
		{ "\xc3\xa9", false },
		{ "0123456789012345678901234567890123456789012345678901234567890"
		  "123",
		    true },
		{ "0123456789012345678901234567890123456789012345678901234567890"
		  "1234",
		    false },
	};
	char a[NAME_MADE], b[NAME_MADE];

	(void)state;
	for (size_t i = 0; i < nitems(names); i++)
		if (name_valid(names[i].name) != names[i].valid)
			fail_msg("%s", names[i].name);
	/* It may never change, for marks are stored under it. */
	name_make("http://h/events", "redis h:6379/0?copy", "", a);
	assert_string_equal(a, "b35767b05478221a");
	assert_true(name_valid(a));
	name_make("ab", "c", "", a);
	name_make("a", "bc", "", b);
	assert_string_not_equal(a, b);
	name_make("ab", "c", "h", b);
	assert_string_not_equal(a, b);
}

static void
test_mark(void **state)
{
	struct mark m = { { NULL, 0, 0 } };
	struct sse_text t;

	(void)state;
	assert_true(mark_none(&m));
	assert_true(mark_is(&m, TEXT("")));
	assert_int_equal(mark_set(&m, TEXT("123456")), 0);
	assert_true(mark_is(&m, TEXT("123456")));
	assert_false(mark_is(&m, TEXT("12345")));
	/* Of itself, and shorter. */
	t = mark_text(&m);
	t.ptr += 2;
	t.len -= 2;
	assert_int_equal(mark_set(&m, t), 0);
	assert_true(mark_is(&m, TEXT("3456")));
	assert_int_equal(mark_set(&m, TEXT("")), 0);
	assert_true(mark_none(&m));
	mark_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carry),
		cmocka_unit_test(test_no_data),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
