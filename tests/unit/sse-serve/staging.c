/* What is staged for a journal: whole events, a post all of it or none. */
#include "data.h"

#include "../../../cmd/sse-serve/post.h"
#include "../../../cmd/sse-serve/staging.h"

#define MAX 8

static struct message *messages[MAX];
static struct post *posts[128];
static char gone[2 * MAX];

/* An event a letter, by the post that it is of; "." is of none. */
static void
stage(struct staging *s, const char *whose)
{
	memset(posts, 0, sizeof(posts));
	for (size_t i = 0; whose[i] != '\0'; i++) {
		struct post **p = &posts[(unsigned char)whose[i]];

		if (whose[i] != '.' && *p == NULL) {
			assert_non_null(*p = post_new());
			(*p)->events = calloc(MAX, sizeof((*p)->events[0]));
			assert_non_null((*p)->events);
		}
		if (*p != NULL)
			(*p)->n++; /* of which nobody looks at one */
		messages[i] = message_at("c", place_of(1, i), PLACE_ZERO);
		assert_int_equal(
		    staging_add(s, message_ref(messages[i]), *p), 0);
	}
}

static void
unref_all(void)
{
	for (size_t i = 0; i < MAX; i++) {
		if (messages[i] == NULL)
			continue;
		assert_int_equal(message_refs(messages[i]), 1);
		message_unref(messages[i]);
		messages[i] = NULL;
	}
}

/* The second is of the events that lie whole in all bytes but the last. */
static const struct {
	const char *whose;
	size_t all, but_one;
} cases[] = {
	{ "", 0, 0 },
	{ ".", 1, 0 },
	{ "...", 3, 2 },
	{ "..a", 3, 2 },
	{ "..aa", 4, 2 },
	{ "aaa", 3, 0 },
	{ "aab", 3, 2 },
	{ "aabb", 4, 2 },
	{ "aabb.", 5, 4 },
};

static void
cut_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct staging s = { 0 };
		size_t len;

		stage(&s, cases[i].whose);
		len = s.out.len;
		assert_int_equal(staging_bytes(&s, s.n), len);
		assert_int_equal(staging_whole(&s, len), cases[i].all);
		if (len > 0 && staging_whole(&s, len - 1) != cases[i].but_one)
			fail_msg("%s", cases[i].whose);
		staging_free(&s); /* with its posts */
		unref_all();
	}
}

/* What is left is what stood behind, bytes and all. */
static void
shifted(void **state)
{
	struct staging s = { 0 }, rest = { 0 };

	(void)state;
	stage(&s, ".....");
	for (size_t i = 2; i < 5; i++)
		assert_int_equal(
		    staging_add(&rest, message_ref(messages[i]), NULL), 0);
	for (size_t i = 0; i < 2; i++)
		message_unref(s.v[i].message);
	staging_shift(&s, 2);
	assert_int_equal(s.n, rest.n);
	assert_int_equal(s.out.len, rest.out.len);
	assert_memory_equal(s.out.ptr, rest.out.ptr, rest.out.len);
	for (size_t i = 0; i < s.n; i++)
		assert_int_equal(s.v[i].end, rest.v[i].end);
	staging_free(&rest);
	staging_free(&s);
	unref_all();
}

static void
note_gone(struct post *p, void *arg)
{
	size_t len = strlen(gone);

	assert_ptr_equal(arg, &posts);
	gone[len] = p == posts['a'] ? 'a' : 'b';
	gone[len + 1] = '\0';
	if (++p->done >= p->n)
		post_free(p);
}

static void
posts_dropped(void **state)
{
	struct staging s = { 0 }, rest = { 0 };

	(void)state;
	stage(&s, ".aa.b.");
	for (size_t i = 0; i < 6; i++)
		if (i == 0 || i == 3 || i == 5)
			assert_int_equal(
			    staging_add(&rest, message_ref(messages[i]), NULL),
			    0);
	staging_drop_posts(&s, note_gone, &posts);
	assert_string_equal(gone, "aab");
	assert_int_equal(s.n, rest.n);
	assert_int_equal(s.out.len, rest.out.len);
	assert_memory_equal(s.out.ptr, rest.out.ptr, rest.out.len);
	for (size_t i = 0; i < s.n; i++) {
		assert_ptr_equal(s.v[i].message, rest.v[i].message);
		assert_int_equal(s.v[i].end, rest.v[i].end);
	}
	staging_free(&rest);
	staging_free(&s);
	unref_all();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_short),
		cmocka_unit_test(shifted),
		cmocka_unit_test(posts_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
