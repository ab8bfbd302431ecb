/* Who may read and publish what; patterns, and labels that events want. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/predicate.h"
#include "event.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static void
everyone(void **state)
{
	static const struct {
		const char *channel;
		bool read, publish_open, admin_publish;
	} cases[] = {
		{ "news", true, true, true },
		{ "broadcast", true, true, true },
		{ "broadcasts", true, true, true },
		{ "clients", true, true, true },
		{ "client:7", false, false, true },
		{ "group:staff", false, false, true },
		{ "presence", false, false, false },
	};
	const struct identity *anyone = identity_anonymous(false);
	const struct identity *admin = identity_anonymous(true);

	(void)state;
	assert_int_equal(anyone->own.n, 1);
	assert_true(text_is(anyone->own.v[0], "broadcast"));
	assert_true(!anyone->admin && admin->admin);
	for (size_t i = 0; i < nitems(cases); i++) {
		struct sse_text ch = text_of(cases[i].channel);

		assert_int_equal(identity_may_read(anyone, ch), cases[i].read);
		assert_true(identity_may_read(admin, ch));
		assert_false(identity_may_publish(anyone, ch, false));
		assert_int_equal(identity_may_publish(anyone, ch, true),
		    cases[i].publish_open);
		assert_int_equal(identity_may_publish(admin, ch, false),
		    cases[i].admin_publish);
		assert_int_equal(identity_may_publish(admin, ch, true),
		    cases[i].admin_publish);
	}
}

static void
patterns(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} cases[] = {
		{ "news", "news", true },
		{ "news", "new", false },
		{ "new", "news", false },
		{ "*", "news", true },
		{ "n*", "news", true },
		{ "*s", "news", true },
		{ "n*s", "ns", true },
		{ "n*s", "nst", false },
		{ "*e*", "news", true },
		{ "*a*b*", "xaybz", true },
		{ "*a*b*", "xbyaz", false },
		{ "*ab", "aab", true },
		{ "**", "n", true },
		{ "n?ws", "news", true },
		{ "n?ws", "nws", false },
		{ "?", "\xc3\xa9", true },
		{ "??", "\xc3\xa9", false },
		{ "?t?", "\xc3\xa9t\xc3\xa9", true },
		{ "*\xc3\xa9", "\xc3\xa9t\xc3\xa9", true },
		{ "", "n", false },
		/* What is reserved is called by its name. */
		{ "*", "broadcast", false },
		{ "broad*", "broadcast", false },
		{ "broadcast", "broadcast", true },
		{ "*", "client:7", false },
		{ "client*", "client:7", false },
		{ "*:7", "client:7", false },
		{ "client:*", "client:7", true },
		{ "client:7*", "client:77", true },
		{ "client:8", "client:7", false },
		{ "client:*", "group:a", false },
		{ "group:?", "group:a", true },
		{ "*", "presence", false },
		{ "presence", "presence", true },
		{ "client*", "clients", true },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		if (pattern_matches(text_of(cases[i].pattern),
			text_of(cases[i].name)) != cases[i].match)
			fail_msg("%s, %s", cases[i].pattern, cases[i].name);
}

/* A star costs no more for being one of many. */
static void
hostile_pattern(void **state)
{
	char pattern[200], name[200];

	(void)state;
	memset(name, 'a', sizeof(name));
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = "*a"[i % 2];
	pattern[sizeof(pattern) - 1] = 'b';
	assert_false(
	    pattern_matches((struct sse_text){ pattern, sizeof(pattern) },
		(struct sse_text){ name, sizeof(name) }));
}

static void
somebody(void **state)
{
	static const struct {
		const char *channel;
		bool read, publish, publish_open;
	} cases[] = {
		{ "news.de", true, false, true },
		{ "sport", false, false, true },
		{ "broadcast", true, false, true },
		{ "client:7", true, false, false },
		{ "client:8", false, true, true },
		{ "group:staff", true, false, false },
		{ "group:eu", true, true, true },
		{ "group:us", false, true, true },
		{ "presence", true, false, false },
	};
	struct claims c = CLAIMS_NONE;
	const struct identity *id;

	(void)state;
	c.client = TEXT("7");
	c.groups[c.ngroups++] = TEXT("staff");
	c.groups[c.ngroups++] = TEXT("eu");
	c.read[c.nread++] = TEXT("news.*");
	c.read[c.nread++] = TEXT("presence");
	c.write[c.nwrite++] = TEXT("client:8");
	c.write[c.nwrite++] = TEXT("group:?s");
	c.write[c.nwrite++] = TEXT("group:eu");
	c.write[c.nwrite++] = TEXT("presence");
	c.restricted = true;
	assert_null(claims_fault(&c));
	id = identity_new(&c, false);
	for (size_t i = 0; i < nitems(cases); i++) {
		struct sse_text ch = text_of(cases[i].channel);

		if (identity_may_read(id, ch) != cases[i].read ||
		    identity_may_publish(id, ch, false) != cases[i].publish ||
		    identity_may_publish(id, ch, true) != cases[i].publish_open)
			fail_msg("%s", cases[i].channel);
	}
	assert_true(identity_publishes(id, false));
	identity_free(id);
}

static void
labels(void **state)
{
	static const struct sse_text two[] = { TEXT_INIT("region=eu"),
		TEXT_INIT("role=a") };
	static const struct {
		size_t n;
		const char *match;
		bool want;
	} cases[] = {
		{ 0, "", true },
		{ 2, "", true },
		{ 0, "region=eu", false },
		{ 2, "region=eu", true },
		{ 2, "role=a region=eu", true },
		{ 1, "role=a region=eu", false },
		{ 2, "region=e", false },
		{ 2, "region=eu2", false },
		{ 2, "region=eu role=b", false },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct texts t = { two, cases[i].n };

		if (labels_match(&t, text_of(cases[i].match)) != cases[i].want)
			fail_msg("case %zu", i);
	}
}

/* What a message wants is held against what a predicate bears. */
static void
match_of_message(void **state)
{
	static const struct sse_text eu[] = { TEXT_INIT("region=eu") };
	struct texts bears = { eu, 1 }, none = { NULL, 0 };
	struct sse_buf scratch = { 0 };
	struct event ev = EVENT_NONE;
	struct predicate *p;
	struct message *m;

	(void)state;
	ev.channel = TEXT("news");
	ev.match = TEXT("region=eu");
	ev.high = true;
	m = message_new(&scratch, &ev, PLACE_ZERO, PLACE_ZERO);
	assert_true(text_is(message_match(m), "region=eu"));
	assert_false(predicate_passes(NULL, 0, m, 0));
	assert_true(predicate_passes(NULL, SHOW_ROUTING, m, 0));
	assert_int_equal(predicate_new(&p, NULL, 0, &bears), 0);
	assert_true(predicate_passes(p, 0, m, 0));
	predicate_free(p);
	assert_int_equal(predicate_new(&p, NULL, 0, &none), 0);
	assert_null(p);
	message_unref(m);
	sse_buf_free(&scratch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everyone),
		cmocka_unit_test(patterns),
		cmocka_unit_test(hostile_pattern),
		cmocka_unit_test(somebody),
		cmocka_unit_test(labels),
		cmocka_unit_test(match_of_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
