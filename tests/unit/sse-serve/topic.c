/* Topics: each name has one, found again as long as it is there. */
#include "data.h"

#include "../../../cmd/sse-serve/topic.h"

#define NAMES 100

static struct sse_text
name_of(size_t i, char buf[16])
{
	int len = snprintf(buf, 16, "%zx", i * 37 % 256);

	return (struct sse_text){ buf, (size_t)len };
}

static void
by_name(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 50; s++) {
		struct named_tree tree = RB_INITIALIZER(&tree);
		struct topic *known[NAMES] = { NULL };
		struct topic *t;
		size_t n = 0, seen = 0;
		char buf[16];

		chance_begin(s);
		for (int step = 0; step < 500; step++) {
			size_t i = chance_below(NAMES);
			struct sse_text name = name_of(i, buf);

			t = named_find(&tree, name);
			hold_true(t == known[i]);
			if (chance_below(2)) {
				t = topic_get(&tree, name);
				hold_true(known[i] == NULL || t == known[i]);
				hold_true(t->stage == TOPIC_OFF);
				hold_true(t->named.name.len == name.len &&
				    memcmp(t->named.name.ptr, name.ptr,
					name.len) == 0);
				n += known[i] == NULL;
				known[i] = t;
			} else if (t != NULL) {
				topic_free(&tree, t);
				known[i] = NULL;
				n--;
			}
		}
		while ((t = named_first(&tree)) != NULL) {
			struct topic *next = named_next(&t->named);

			hold_true(next == NULL ||
			    named_cmp(t->named.name, next->named.name) < 0);
			topic_free(&tree, t);
			seen++;
		}
		hold_true(seen == n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
