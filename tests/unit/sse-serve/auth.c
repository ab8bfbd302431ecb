/* Who may read and publish what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/auth.h"
#include "event.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static void
permissions(void **state)
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
	struct identity anyone = auth_anonymous(false);
	struct identity admin = auth_anonymous(true);

	(void)state;
	assert_int_equal(anyone.nown, 1);
	assert_true(text_is(anyone.own[0], "broadcast"));
	assert_true(!anyone.admin && admin.admin);
	for (size_t i = 0; i < nitems(cases); i++) {
		struct sse_text ch = text_of(cases[i].channel);

		assert_int_equal(auth_may_read(&anyone, ch), cases[i].read);
		assert_true(auth_may_read(&admin, ch));
		assert_false(auth_may_publish(&anyone, ch, false));
		assert_int_equal(
		    auth_may_publish(&anyone, ch, true), cases[i].publish_open);
		assert_int_equal(auth_may_publish(&admin, ch, false),
		    cases[i].admin_publish);
		assert_int_equal(
		    auth_may_publish(&admin, ch, true), cases[i].admin_publish);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permissions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
