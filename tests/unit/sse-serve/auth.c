/* Who sent a request, by each way in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/auth.h"
#include "auth_tokens.h"
#include "event.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static struct trust trust;
static const struct auth_conf conf = {
	.cookie = "session",
	.identity_header = "X-User",
	.groups_header = "X-Groups",
	.labels_header = "X-Labels",
	.trust = &trust,
};

static void
print(char *buf, size_t size, const struct identity *id)
{
	const struct texts *lists[] = { &id->own, &id->labels, &id->read,
		&id->write };
	size_t len = (size_t)snprintf(buf, size, "%.*s", (int)id->client.len,
	    id->client.len > 0 ? id->client.ptr : "");

	for (size_t i = 0; i < nitems(lists); i++)
		for (size_t j = 0; j < lists[i]->n; j++)
			len += (size_t)snprintf(buf + len, size - len, "%s%.*s",
			    j == 0 ? "/" : " ", (int)lists[i]->v[j].len,
			    lists[i]->v[j].ptr);
	snprintf(buf + len, size - len, "%s%s", id->restricted ? " r" : "",
	    id->may_route ? " routing" : "");
}

/* Ask with these fields at this second; what is found is printed. */
static void
ask(const char *fields, bool proxy, bool keyed, int64_t now_s, char *buf,
    size_t size, int64_t *expires_ms)
{
	char head[8192];
	struct peer peer = { 0 };
	struct http_head h;
	struct auth_refusal no;
	const struct identity *id;
	const char *fault;
	struct token_key *key = keyed
	    ? token_key_new(SECRET, strlen(SECRET), &fault)
	    : NULL;
	int status,
	    n = snprintf(head, sizeof(head),
		"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);

	assert_true(addr_parse(
	    text_of(proxy ? "192.0.2.1" : "198.51.100.1"), &peer.addr));
	assert_int_equal(http_parse(head, (size_t)n, &h, &status), n);
	assert_int_equal(
	    auth(&conf, key, &peer, &h, now_s * 1000, &id, &no), 0);
	if (no.status != 0) {
		assert_ptr_equal(id, identity_anonymous(false));
		snprintf(buf, size, "%d", no.status);
	} else
		print(buf, size, id);
	*expires_ms = id->expires_ms;
	identity_free(id);
	token_key_free(key);
}

#define BEARER(t) "Authorization: Bearer " t "\r\n"
#define NOBODY "/broadcast"
#define SEVEN "7/broadcast client:7"

static const struct {
	const char *what, *fields, *want;
	bool proxy, no_key;
	int64_t now_s;
} cases[] = {
	{ "nothing is said", "", NOBODY, false, false, 1500 },
	{ "all claims", BEARER(FULL),
	    "7/broadcast client:7 group:staff group:eu/region=eu role=a "
	    "role=b/news client:*/log.? r routing",
	    false, false, 1500 },
	{ "within the leeway", BEARER(SUB_ONLY), SEVEN, false, false, 1500 },
	{ "not looked at", BEARER(FULL), NOBODY, false, true, 1500 },
	{ "another scheme", "Authorization: Basic YTpi\r\n", NOBODY, false,
	    false, 1500 },
	{ "letter case of the scheme", "authorization: bEARER " SUB_ONLY "\r\n",
	    SEVEN, false, false, 1500 },
	{ "no token behind it", "Authorization: Bearer\r\n", "401", false,
	    false, 1500 },
	{ "no token at all", BEARER("x.y"), "401", false, false, 1500 },
	{ "an empty signature", BEARER(NONE), "401", false, false, 1500 },
	{ "alg none, signed", BEARER(NONE_SIGNED), "401", false, false, 1500 },
	{ "another algorithm", BEARER(HS512), "401", false, false, 1500 },
	{ "a critical extension", BEARER(CRIT), "401", false, false, 1500 },
	{ "another key", BEARER(OTHER_KEY), "401", false, false, 1500 },
	{ "not yet, with leeway", BEARER(FULL), "401", false, false, 994 },
	{ "expired, with leeway", BEARER(FULL), "401", false, false, 2005 },
	{ "exp is text", BEARER(EXP_TEXT), "401", false, false, 1500 },
	{ "claims are no object", BEARER(ARRAY), "401", false, false, 1500 },
	{ "sub is no client ID", BEARER(SUB_SPACE), "403", false, false, 1500 },
	{ "sub is a number", BEARER(SUB_NUMBER), "403", false, false, 1500 },
	{ "sub is empty", BEARER(SUB_EMPTY), "403", false, false, 1500 },
	{ "no sub, but permission", BEARER(NO_SUB), "/broadcast/*", false,
	    false, 1500 },
	{ "groups are numbers", BEARER(GROUPS_BAD), "403", false, false, 1500 },
	{ "a group like a pattern", BEARER(GROUP_STAR), "403", false, false,
	    1500 },
	{ "too many groups", BEARER(GROUPS_65), "403", false, false, 1500 },
	{ "labels as a list", BEARER(LABELS_LIST), SEVEN "/a=b c=d=e", false,
	    false, 1500 },
	{ "a label that nothing matches", BEARER(LABEL_SPACE), "403", false,
	    false, 1500 },
	{ "nothing may be read", BEARER(READ_NOTHING), SEVEN " r", false, false,
	    1500 },
	{ "in a cookie", "Cookie: a=b; session=" SUB_ONLY "; c=d\r\n", SEVEN,
	    false, false, 1500 },
	{ "in another cookie", "Cookie: xsession=" SUB_ONLY "\r\n", NOBODY,
	    false, false, 1500 },
	{ "a bad one in a cookie", "Cookie: session=x\r\n", "401", false, false,
	    1500 },
	{ "the field goes before the cookie",
	    BEARER(SUB_ONLY) "Cookie: session=x\r\n", SEVEN, false, false,
	    1500 },
	{ "a proxy's word",
	    "X-User: 8\r\nX-Groups: a, b\r\nX-Labels: x=1,y=2\r\n",
	    "8/broadcast client:8 group:a group:b/x=1 y=2", true, false, 1500 },
	{ "not a proxy's word", "X-User: 8\r\n", NOBODY, false, false, 1500 },
	{ "a proxy's word goes first", BEARER(SUB_ONLY) "X-User: 8\r\n",
	    "8/broadcast client:8", true, false, 1500 },
	{ "a proxy says nothing", BEARER(SUB_ONLY) "X-User:\r\n", SEVEN, true,
	    false, 1500 },
	{ "a proxy's word and the client's", "X-User: 8\r\nx-user: 9\r\n",
	    "400", true, false, 1500 },
	{ "a proxy names no client ID", "X-User: a b\r\n", "403", true, false,
	    1500 },
	{ "a proxy's label is none", "X-User: 8\r\nX-Labels: x\r\n", "403",
	    true, false, 1500 },
	{ "groups of nobody", "X-Groups: a\r\n", NOBODY, true, false, 1500 },
};

static void
ways_in(void **state)
{
	char got[1024];
	int64_t expires_ms;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		ask(cases[i].fields, cases[i].proxy, !cases[i].no_key,
		    cases[i].now_s, got, sizeof(got), &expires_ms);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", cases[i].what, got,
			    cases[i].want);
	}
}

/* Whoever comes in the leeway stays as long as that lasts. */
static void
ends(void **state)
{
	static const struct {
		int64_t now_s, want_ms;
	} times[] = {
		{ 995, 2000000 },
		{ 1999, 2000000 },
		{ 2000, 2005000 },
		{ 2004, 2005000 },
	};
	char got[1024];
	int64_t expires_ms;

	(void)state;
	for (size_t i = 0; i < nitems(times); i++) {
		ask(BEARER(FULL), false, true, times[i].now_s, got, sizeof(got),
		    &expires_ms);
		assert_int_equal(expires_ms, times[i].want_ms);
	}
	ask(BEARER(SUB_ONLY), false, true, 1500, got, sizeof(got), &expires_ms);
	assert_int_equal(expires_ms, -1);
}

static void
keys(void **state)
{
	static const struct {
		const char *text, *fault;
	} table[] = {
		{ SECRET, NULL },
		{ SECRET "\n", NULL },
		{ "0123456789abcdef0123456789abcde\n", "32 bytes" },
		{ "", "32 bytes" },
		{ "-----BEGIN PRIVATE KEY-----\n", "private" },
		{ "-----BEGIN PUBLIC KEY-----\nx\n", "no public key" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(table); i++) {
		const char *fault = NULL;
		struct token_key *k = token_key_new(
		    table[i].text, strlen(table[i].text), &fault);

		assert_int_equal(k != NULL, table[i].fault == NULL);
		if (fault != NULL && table[i].fault != NULL &&
		    strstr(fault, table[i].fault) == NULL)
			fail_msg("case %zu: %s", i, fault);
		token_key_free(k);
	}
}

static int
setup(void **state)
{
	const char *fault;

	(void)state;
	return trust_add(&trust, "192.0.2.0/24", &fault);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ways_in),
		cmocka_unit_test(ends),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
