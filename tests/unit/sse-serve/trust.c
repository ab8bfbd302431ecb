/* Addresses, networks, and whose word on where a client is gets taken. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/trust.h"
#include "event.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static struct addr
addr(const char *s)
{
	struct addr a = { { 0 } };

	if (strcmp(s, "unix") != 0)
		assert_true(addr_parse(text_of(s), &a));
	return a;
}

static void
addresses(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: it is none */
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "2001:DB8:0:0::1", "2001:db8::1" },
		{ "::1", "::1" },
		{ "", NULL },
		{ "unix", NULL },
		{ "::", NULL },
		{ "0.0.0.0", NULL },
		{ "1.2.3", NULL },
		{ "1.2.3.4.5", NULL },
		{ "1.2.3.256", NULL },
		{ "01.2.3.4", NULL },
		{ " 1.2.3.4", NULL },
		{ "1.2.3.4 ", NULL },
		{ "1.2.3.4:5", NULL },
		{ "[::1]", NULL },
		{ "fe80::1%eth0", NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:1:1:1", NULL },
	};
	char buf[ADDR_LEN];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		bool is = addr_parse(text_of(cases[i].in), &a);

		assert_int_equal(is, cases[i].out != NULL);
		if (is)
			assert_string_equal(addr_format(&a, buf), cases[i].out);
	}
	assert_false(addr_parse((struct sse_text){ "1.2.3.4\0", 8 }, &a));
}

static void
sockets(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0xc0000201) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char buf[ADDR_LEN];
	struct addr a;

	(void)state;
	a = addr_of((const void *)&in);
	assert_string_equal(addr_format(&a, buf), "192.0.2.1");
	a = addr_of((const void *)&in6);
	assert_string_equal(addr_format(&a, buf), "::1");
	a = addr_of((const void *)&un);
	assert_string_equal(addr_format(&a, buf), "unix");
	assert_true(addr_is_unix(&a));
}

static void
owners(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "2001:db8::1", "2001:db8::2:0:0:2", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "unix", "unix", true },
		{ "unix", "192.0.2.1", false },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct addr a = addr(cases[i].a), b = addr(cases[i].b);

		a = addr_owner(&a);
		b = addr_owner(&b);
		assert_int_equal(addr_same(&a, &b), cases[i].same);
	}
}

static void
networks(void **state)
{
	static const struct {
		const char *cidr, *in, *out; /* in NULL: it is none */
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.255", "192.0.3.0" },
		{ "192.0.2.128/25", "192.0.2.128", "192.0.2.127" },
		{ "192.0.2.1", "192.0.2.1", "192.0.2.2" },
		{ "192.0.2.1/32", "192.0.2.1", "192.0.2.0" },
		{ "0.0.0.0/0", "203.0.113.9", "2001:db8::1" },
		{ "::/0", "2001:db8::1", "192.0.2.1" },
		{ "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::" },
		{ "2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::" },
		{ "::1", "::1", "127.0.0.1" },
		{ "::ffff:10.0.0.0/104", "10.9.8.7", "11.0.0.1" },
		{ "127.0.0.0/8", "127.1.2.3", "unix" },
		{ "::/0", "::1", "unix" },
		{ "192.0.2.1/24", NULL, NULL },
		{ "2001:db8::1/64", NULL, NULL },
		{ "192.0.2.0/33", NULL, NULL },
		{ "::/129", NULL, NULL },
		{ "192.0.2.0/", NULL, NULL },
		{ "192.0.2.0/-1", NULL, NULL },
		{ "192.0.2.0/2 4", NULL, NULL },
		{ "/24", NULL, NULL },
		{ "", NULL, NULL },
		{ "localhost", NULL, NULL },
		{ "*", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct cidr c;
		struct addr in, out;
		bool is = cidr_parse(text_of(cases[i].cidr), &c);

		assert_int_equal(is, cases[i].in != NULL);
		if (!is)
			continue;
		in = addr(cases[i].in);
		out = addr(cases[i].out);
		assert_true(cidr_has(&c, &in));
		assert_false(cidr_has(&c, &out));
	}
}

static struct trust
trusting(const char *networks)
{
	struct trust t = { .n = 0 };
	char *copy = strdup(networks), *rest = copy, *one;
	const char *fault;

	while ((one = strsep(&rest, " ")) != NULL)
		if (*one != '\0')
			assert_int_equal(trust_add(&t, one, &fault), 0);
	free(copy);
	return t;
}

/* Who is it that asks, when a request has these fields? */
static void
clients(void **state)
{
	static const struct {
		const char *trusted, *peer, *fields, *client;
	} cases[] = {
		{ "", "192.0.2.1", "X-Forwarded-For: 10.0.0.1\r\n",
		    "192.0.2.1" },
		{ "127.0.0.1", "192.0.2.1", "X-Forwarded-For: 10.0.0.1\r\n",
		    "192.0.2.1" },
		{ "127.0.0.1", "unix", "X-Forwarded-For: 10.0.0.1\r\n",
		    "unix" },
		{ "unix", "unix", "X-Forwarded-For: 10.0.0.1\r\n", "10.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "", "127.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "X-Forwarded-For: 10.0.0.1\r\n",
		    "10.0.0.1" },
		/* The last word is the proxy's, what is before the client's. */
		{ "127.0.0.1", "127.0.0.1",
		    "X-Forwarded-For: 10.0.0.9, 10.0.0.1\r\n", "10.0.0.1" },
		{ "127.0.0.1", "127.0.0.1",
		    "X-Forwarded-For: 10.0.0.9\r\n"
		    "x-forwarded-for: 10.0.0.1\r\n",
		    "10.0.0.1" },
		{ "127.0.0.1 10.0.0.0/24", "127.0.0.1",
		    "X-Forwarded-For: 8.8.8.8,9.9.9.9,10.0.0.1\r\n",
		    "9.9.9.9" },
		{ "127.0.0.1 10.0.0.0/24", "127.0.0.1",
		    "X-Forwarded-For: 10.0.0.3, 10.0.0.2, 10.0.0.1\r\n",
		    "10.0.0.3" },
		{ "127.0.0.1 10.0.0.0/24", "127.0.0.1",
		    "X-Forwarded-For: 8.8.8.8, unknown, 10.0.0.1\r\n",
		    "10.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "X-Forwarded-For: junk\r\n",
		    "127.0.0.1" },
		{ "127.0.0.1", "127.0.0.1",
		    "X-Forwarded-For: 10.0.0.1:5678\r\n", "10.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "X-Forwarded-For: 2001:db8::7\r\n",
		    "2001:db8::7" },
		{ "127.0.0.1", "127.0.0.1",
		    "X-Forwarded-For: [2001:db8::7]:80\r\n", "2001:db8::7" },
		{ "127.0.0.1", "127.0.0.1", "X-Forwarded-For: [10.0.0.1]\r\n",
		    "127.0.0.1" },
		{ "127.0.0.1", "127.0.0.1", "X-Forwarded-For: [::1\r\n",
		    "127.0.0.1" },
		{ "::1", "::1", "Forwarded: for=192.0.2.43\r\n", "192.0.2.43" },
		{ "::1", "::1",
		    "Forwarded: for=10.9.9.9, proto=http;"
		    " For=\"[2001:db8:cafe::17]:4711\";by=203.0.113.43\r\n",
		    "2001:db8:cafe::17" },
		{ "::1", "::1", "Forwarded: for=10.1.1.1, for=_hidden\r\n",
		    "::1" },
		{ "::1", "::1", "Forwarded: proto=https\r\n", "::1" },
		{ "::1", "::1", "Forwarded: for=\"\r\n", "::1" },
		{ "::1", "::1", "Forwarded: for=\r\n", "::1" },
		{ "::1", "::1", "Forwarded: ;;;for=10.0.0.1;\r\n", "10.0.0.1" },
		{ "::1", "::1",
		    "Forwarded: for=10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n",
		    "10.0.0.2" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct trust t = trusting(cases[i].trusted);
		struct addr peer = addr(cases[i].peer), client;
		char head[512], buf[ADDR_LEN];
		struct http_head h;
		int status;

		snprintf(head, sizeof(head),
		    "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].fields);
		assert_true(http_parse(head, strlen(head), &h, &status) > 0);
		client = trust_client(&t, &peer, &h);
		assert_string_equal(addr_format(&client, buf), cases[i].client);
	}
}

/* More hops than are looked at: the last of them count, and nothing is lost. */
static void
many_hops(void **state)
{
	struct trust t = trusting("10.0.0.0/8");
	struct addr peer = addr("10.0.0.1"), client;
	char head[4096] =
	    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1";
	char buf[ADDR_LEN];
	struct http_head h;
	int status;

	(void)state;
	for (int i = 0; i < 100; i++)
		snprintf(head + strlen(head), 16, ",10.0.1.%d", i);
	strcat(head, "\r\n\r\n");
	assert_true(http_parse(head, strlen(head), &h, &status) > 0);
	client = trust_client(&t, &peer, &h);
	assert_string_equal(addr_format(&client, buf), "10.0.1.68");
}

static void
bounds(void **state)
{
	struct trust t = { .n = 0 };
	const char *fault = NULL;

	(void)state;
	for (int i = 0; i < TRUST_MAX; i++)
		assert_int_equal(trust_add(&t, "192.0.2.1", &fault), 0);
	assert_int_equal(trust_add(&t, "192.0.2.1", &fault), -1);
	assert_non_null(strstr(fault, "64"));
	t.n = 0;
	assert_int_equal(trust_add(&t, "nobody", &fault), -1);
	assert_non_null(strstr(fault, "network"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(sockets),
		cmocka_unit_test(owners),
		cmocka_unit_test(networks),
		cmocka_unit_test(clients),
		cmocka_unit_test(many_hops),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
