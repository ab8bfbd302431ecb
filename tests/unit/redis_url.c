#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "redis_url.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/* want: host|path|port|db|user|password|channels|stream|group|shown */
static const struct {
	const char *in, *base, *env, *want;
} good[] = {
	{ "redis://", NULL, NULL,
	    "127.0.0.1||6379|0||||||redis://127.0.0.1:6379" },
	{ "redis://h", NULL, NULL, "h||6379|0||||||redis://h:6379" },
	{ "redis://h:7/3", NULL, NULL, "h||7|3||||||redis://h:7/3" },
	{ "redis://h/", NULL, NULL, "h||6379|0||||||redis://h:6379" },
	{ "redis:///2", NULL, NULL,
	    "127.0.0.1||6379|2||||||redis://127.0.0.1:6379/2" },
	{ "redis://:pw@h", NULL, NULL, "h||6379|0||pw||||redis://h:6379" },
	{ "redis://:p%40%2Fw:x@h", NULL, NULL,
	    "h||6379|0||p@/w:x||||redis://h:6379" },
	{ "redis://:a@b@h", NULL, NULL, "h||6379|0||a@b||||redis://h:6379" },
	{ "redis://u:pw@h:1", NULL, NULL, "h||1|0|u|pw||||redis://u@h:1" },
	{ "redis://u:@h", NULL, "env", "h||6379|0|u|env||||redis://u@h:6379" },
	{ "redis://h", NULL, "env", "h||6379|0||env||||redis://h:6379" },
	{ "redis://:pw@h", NULL, "env", "h||6379|0||pw||||redis://h:6379" },
	{ "redis://[::1]", NULL, NULL, "::1||6379|0||||||redis://[::1]:6379" },
	{ "redis://[::1]:9/1", NULL, NULL, "::1||9|1||||||redis://[::1]:9/1" },
	{ "redis://h?channel=a,b", NULL, NULL,
	    "h||6379|0|||a,b|||redis://h:6379" },
	{ "redis://h/1?channel=a&channel=b,a", NULL, NULL,
	    "h||6379|1|||a,b|||redis://h:6379/1" },
	{ "redis://h?channel=gr%C3%BCn%25", NULL, NULL,
	    "h||6379|0|||gr\xc3\xbcn%|||redis://h:6379" },
	{ "redis://h?stream=s&group=g", NULL, NULL,
	    "h||6379|0||||s|g|redis://h:6379" },
	{ "redis+unix:///run/r.sock", NULL, NULL,
	    "|/run/r.sock|0|0||||||redis+unix:///run/r.sock" },
	{ "redis+unix://rel", NULL, NULL, "|rel|0|0||||||redis+unix://rel" },
	{ "redis+unix:///a@b", NULL, NULL, "|/a@b|0|0||||||redis+unix:///a@b" },
	{ "redis+unix://u:pw@/a%3Fb?db=2&channel=c", NULL, NULL,
	    "|/a?b|0|2|u|pw|c|||redis+unix://u@/a?b?db=2" },
	{ "redis:a,b", NULL, NULL,
	    "127.0.0.1||6379|0|||a,b|||redis://127.0.0.1:6379" },
	{ "redis:client:42", "redis://:pw@h/4?channel=x", NULL,
	    "h||6379|4||pw|client:42|||redis://h:6379/4" },
	{ "redis:a", "redis+unix:///r", "env",
	    "|/r|0|0||env|a|||redis+unix:///r" },
	{ "sentinel://h/m", NULL, NULL,
	    "h:26379/m||0|0||||||sentinel://h:26379/m" },
	{ "sentinel://u:pw@h:1,[::1],i:2/my%20m?db=3&channel=c", NULL, NULL,
	    "h:1,::1:26379,i:2/my m||0|3|u|pw|c|||"
	    "sentinel://u@h:1,[::1]:26379,i:2/my m?db=3" },
	{ "redis:a", "sentinel://h/m?channel=b", "env",
	    "h:26379/m||0|0||env|a|||sentinel://h:26379/m" },
	{ "stream:my:key", NULL, NULL,
	    "127.0.0.1||6379|0||||my:key||redis://127.0.0.1:6379" },
};

static const struct {
	const char *in, *base, *fault; /* what the message has to contain */
} bad[] = {
	{ "redis:", NULL, "channel" },
	{ "redis:a,", NULL, "channel" },
	{ "redis:a b", NULL, "channel" },
	{ "redis:a*", NULL, "channel" },
	{ "redis:a%2Cb", NULL, "channel" },
	{ "redis:a", "http://h", "server's URL" },
	{ "redis:a", "redis:b", "server's URL" },
	{ "redis://h:0", NULL, "port" },
	{ "redis://h:65536", NULL, "port" },
	{ "redis://h:", NULL, "port" },
	{ "redis://h:12x", NULL, "port" },
	{ "redis://h:+1", NULL, "port" },
	{ "redis://h:99999999999999", NULL, "port" },
	{ "redis://h/x", NULL, "?channel=" },
	{ "redis://h/-1", NULL, "database" },
	{ "redis://h/65536", NULL, "database" },
	{ "redis://h/1/2", NULL, "database" },
	{ "redis://pw@h", NULL, "user:password" },
	{ "redis://::1", NULL, "port" },
	{ "redis://[::1", NULL, "brackets" },
	{ "redis://[::1]x", NULL, "brackets" },
	{ "redis://h?chanel=a", NULL, "channel=" },
	{ "redis://h?channel", NULL, "channel" },
	{ "redis://h?channel=", NULL, "channel" },
	{ "redis://h?stream=", NULL, "stream=" },
	{ "redis://h?group=g", NULL, "stream=" },
	{ "redis://:%@h", NULL, "%25" },
	{ "redis://:%4@h", NULL, "%25" },
	{ "redis://:%zz@h", NULL, "%25" },
	{ "redis://:a%00b@h", NULL, "%25" },
	{ "redis+unix://", NULL, "path" },
	{ "redis+unix://?db=1", NULL, "path" },
	{ "redis+unix:///a?db=", NULL, "database" },
	{ "sentinel://h", NULL, "master's name" },
	{ "sentinel://h/", NULL, "master's name" },
	{ "sentinel://h?db=1", NULL, "master's name" },
	{ "sentinel://h:x,i/m", NULL, "port" },
	{ "sentinel://h,[::1/m", NULL, "brackets" },
	{ "sentinel://h/m%", NULL, "%25" },
	{ "sentinel://h/m?db=x", NULL, "database" },
	{ "rediss://h", NULL, "TLS" },
	{ "stream:", NULL, "key" },
	{ "http://h", NULL, "redis+unix://" },
	{ "", NULL, "redis+unix://" },
};

static const char *
or_empty(const char *s)
{
	return s != NULL ? s : "";
}

static void
show(const struct redis_url *u, char *to, size_t size)
{
	char channels[256] = "", hosts[256];

	for (size_t i = 0; i < u->nchannels; i++) {
		strlcat(channels, i > 0 ? "," : "", sizeof(channels));
		strlcat(channels, u->channels[i], sizeof(channels));
	}
	snprintf(hosts, sizeof(hosts), "%s", or_empty(u->host));
	for (size_t i = 0; i < u->nsentinels; i++) {
		size_t len = strlen(hosts);

		snprintf(hosts + len, sizeof(hosts) - len, "%s%s:%d",
		    i > 0 ? "," : "", u->sentinels[i].name,
		    u->sentinels[i].port);
	}
	if (u->master != NULL) {
		strlcat(hosts, "/", sizeof(hosts));
		strlcat(hosts, u->master, sizeof(hosts));
	}
	snprintf(to, size, "%s|%s|%d|%d|%s|%s|%s|%s|%s|%s", hosts,
	    or_empty(u->path), u->port, u->db, or_empty(u->user),
	    or_empty(u->password), channels, or_empty(u->stream),
	    or_empty(u->group), u->shown);
}

static void
test_good(void **state)
{
	struct redis_url u;
	char got[512];
	const char *fault = "";

	(void)state;
	for (size_t i = 0; i < nitems(good); i++) {
		if (redis_url_parse(
			&u, good[i].in, good[i].base, good[i].env, &fault) != 0)
			fail_msg("%s: %s", good[i].in, fault);
		show(&u, got, sizeof(got));
		assert_string_equal(got, good[i].want);
		redis_url_free(&u);
	}
}

static void
test_bad(void **state)
{
	struct redis_url u;
	const char *fault;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		fault = "accepted";
		if (redis_url_parse(&u, bad[i].in, bad[i].base, NULL, &fault) !=
			-1 ||
		    strstr(fault, bad[i].fault) == NULL)
			fail_msg("%s: %s", bad[i].in, fault);
		assert_null(u.shown);
		assert_null(u.password);
	}
}

/* No cut of a URL may crash, leak, or show its password. */
static void
test_cuts(void **state)
{
	static const char url[] =
	    "redis://user:sEcReT@[::1]:80/3?channel=a,b%41&stream=s&group=g";
	char cut[sizeof(url)];
	struct redis_url u;
	const char *fault;

	(void)state;
	for (size_t i = 0; i < sizeof(url); i++) {
		memcpy(cut, url, i);
		cut[i] = '\0';
		if (redis_url_parse(&u, cut, NULL, NULL, &fault) == 0) {
			if (strchr(cut, '@') != NULL)
				assert_null(strstr(u.shown, "sEcReT"));
			redis_url_free(&u);
		} else
			assert_null(strstr(fault, "sEcReT"));
	}
}

static void
test_is(void **state)
{
	(void)state;
	assert_true(redis_url_is("redis://h"));
	assert_true(redis_url_is("redis:a"));
	assert_true(redis_url_is("redis+unix:///a"));
	assert_true(redis_url_is("rediss://h"));
	assert_true(redis_url_is("stream:a"));
	assert_false(redis_url_is("http://h"));
	assert_false(redis_url_is("redis"));
	assert_false(redis_url_is("-"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
