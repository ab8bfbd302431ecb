/* What a command of --exec finds in its environment, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../cmd/sse-tail/command_env.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static const struct command_event none;

/* What the command sees where we see this one variable; NULL: nothing. */
static void
passes(const char *variable, const char *secret, const char *want)
{
	char ours[256], *list[] = { ours, NULL }, **was = environ, **env;
	size_t n = 0;

	strlcpy(ours, variable, sizeof(ours));
	environ = list;
	env = command_env(&none, secret);
	environ = was;
	assert_non_null(env);
	while (env[n] != NULL)
		n++;
	if (n != (want == NULL ? 4 : 5))
		fail_msg("%s: %zu variables", variable, n);
	if (want != NULL)
		assert_string_equal(env[0], want);
	command_env_free(env);
}

static void
secrets(void **state)
{
	static const struct {
		const char *variable, *want;
	} cases[] = {
		{ "PATH=/bin", "PATH=/bin" },
		{ "EMPTY=", "EMPTY=" },
		{ "no variable", NULL },
		{ "SSE_REDIS_PASSWORD=x", NULL },
		{ "SSE_REDIS_PASSWORDS=x", "SSE_REDIS_PASSWORDS=x" },
		{ "TOKEN=x", NULL },
		{ "TOKENS=x", "TOKENS=x" },
		/* What we were told by another one is not this event's. */
		{ "SSE_EVENT=old", NULL },
		{ "SSE_ID=old", NULL },
		{ "SSE_CHANNEL=old", NULL },
		{ "SSE_URL=old", NULL },
		{ "SSE_REDIS_URL=redis://h:1/2",
		    "SSE_REDIS_URL=redis://h:1/2" },
		{ "SSE_REDIS_URL=redis://:p@h:1", "SSE_REDIS_URL=redis://h:1" },
		{ "SSE_REDIS_URL=redis://u:p@h", "SSE_REDIS_URL=redis://u@h" },
		{ "SSE_REDIS_URL=redis://u@h", "SSE_REDIS_URL=redis://u@h" },
		{ "SSE_REDIS_URL=redis://u:p@q@h",
		    "SSE_REDIS_URL=redis://u@h" },
		{ "SSE_REDIS_URL=redis://u:p/q@h",
		    "SSE_REDIS_URL=redis://u@h" },
		{ "SSE_REDIS_URL=redis://u:p:q@h",
		    "SSE_REDIS_URL=redis://u@h" },
		{ "SSE_REDIS_URL=", "SSE_REDIS_URL=" },
		{ "SSE_REDIS_URL=redis+unix:///run/redis",
		    "SSE_REDIS_URL=redis+unix:///run/redis" },
		{ "http_proxy=http://u:p@h:8", "http_proxy=http://u@h:8" },
		{ "HTTPS_PROXY=u:p@h:8", "HTTPS_PROXY=u@h:8" },
		{ "ALL_PROXY=socks5://h:8", "ALL_PROXY=socks5://h:8" },
		{ "no_proxy=h,i", "no_proxy=h,i" },
		{ "_proxy=u:p@h", "_proxy=u:p@h" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		passes(cases[i].variable, "TOKEN", cases[i].want);
	passes("TOKEN=x", NULL, "TOKEN=x");
}

static void
event(void **state)
{
	const struct command_event ev = {
		.type = TEXT("$(type)"),
		.id = TEXT("1\0b"),
		.channel = TEXT("a=b"),
		.url = TEXT("http://h/"),
	};
	static const char *const want[] = { "SSE_EVENT=$(type)",
		"SSE_ID=1\357\277\275b", "SSE_CHANNEL=a=b",
		"SSE_URL=http://h/" };
	static const char *const empty[] = {
		"SSE_EVENT=", "SSE_ID=", "SSE_CHANNEL=", "SSE_URL="
	};
	char *list[] = { NULL }, **was = environ, **env, **bare;

	(void)state;
	environ = list;
	env = command_env(&ev, NULL);
	bare = command_env(&none, NULL);
	environ = was;
	for (size_t i = 0; i < nitems(want); i++) {
		assert_string_equal(env[i], want[i]);
		assert_string_equal(bare[i], empty[i]);
	}
	assert_null(env[nitems(want)]);
	command_env_free(env);
	command_env_free(bare);
	command_env_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets),
		cmocka_unit_test(event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
