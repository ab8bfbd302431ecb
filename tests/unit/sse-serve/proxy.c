/* Headers of the PROXY protocol: taken, refused, and at every cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/proxy.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

#define HEADER(s)                \
	{                        \
		s, sizeof(s) - 1 \
	}
#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define IN4 "\xc0\x00\x02\x01\x7f\x00\x00\x01\xd4\x31\x00\x50"
#define IN6                                                                    \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0" \
	"\0\0\x01\xd4\x31\x00\x50"
#define N54                                                          \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static const struct {
	struct sse_text in;
	const char *source; /* NULL: refused; "": not said */
} cases[] = {
	{ HEADER("PROXY TCP4 192.0.2.1 127.0.0.1 54321 80\r\n"), "192.0.2.1" },
	{ HEADER("PROXY TCP4 192.0.2.1 127.0.0.1 0 65535\r\n"), "192.0.2.1" },
	{ HEADER("PROXY TCP6 2001:db8::1 ::1 54321 80\r\n"), "2001:db8::1" },
	{ HEADER("PROXY TCP6 ffff:f:f:f:f:f:f:ffff ffff:f:f:f:f:f:f:ffff"
		 " 65535 65535\r\n"),
	    "ffff:f:f:f:f:f:f:ffff" },
	{ HEADER("PROXY UNKNOWN\r\n"), "" },
	{ HEADER("PROXY UNKNOWN ffff:f:f:f:f:f:f:ffff 1 2\r\n"), "" },
	{ HEADER("GET / HTTP/1.1\r\n"), NULL },
	{ HEADER("PROXX"), NULL },
	{ HEADER("proxy "), NULL },
	{ HEADER("PROXY \r\n"), NULL },
	{ HEADER("PROXY TCP4\r\n"), NULL },
	{ HEADER("PROXY TCP5 192.0.2.1 127.0.0.1 54321 80\r\n"), NULL },
	{ HEADER("PROXY TCP4 192.0.2.1 127.0.0.1 54321\r\n"), NULL },
	{ HEADER("PROXY TCP4 192.0.2.1 127.0.0.1 54321 80 \r\n"), NULL },
	{ HEADER("PROXY TCP4  192.0.2.1 127.0.0.1 54321 80\r\n"), NULL },
	{ HEADER("PROXY TCP4 192.0.2.1 127.0.0.1 54321 80\n"
		 "padding-until-a-line-is-too-long-for-any-header"
		 "-----------------------"),
	    NULL },
	{ HEADER("PROXY TCP4 192.0.2.1 127.0.0.1 54321 80\rX"), NULL },
	{ HEADER("PROXY TCP4 192.0.2.256 127.0.0.1 54321 80\r\n"), NULL },
	{ HEADER("PROXY TCP4 2001:db8::1 ::1 54321 80\r\n"), NULL },
	{ HEADER("PROXY TCP6 192.0.2.1 127.0.0.1 54321 80\r\n"), NULL },
	{ HEADER("PROXY TCP4 192.0.2.1 127.0.0.1 65536 80\r\n"), NULL },
	{ HEADER("PROXY TCP4 192.0.2.1 127.0.0.1 080 80\r\n"), NULL },
	{ HEADER("PROXY TCP4 192.0.2.1 127.0.0.1 -1 80\r\n"), NULL },
	{ HEADER("PROXY TCP4 192.0.2.1\0 127.0.0.1 1 80\r\n"), NULL },
	{ HEADER(V2 "\x21\x11\x00\x0c" IN4), "192.0.2.1" },
	{ HEADER(V2 "\x21\x21\x00\x24" IN6), "2001:db8::1" },
	{ HEADER(V2 "\x21\x11\x00\x11" IN4 "\x04\x00\x02\x00\x00"),
	    "192.0.2.1" },
	{ HEADER(V2 "\x20\x00\x00\x00"), "" },
	{ HEADER(V2 "\x20\x11\x00\x0c" IN4), "" },
	{ HEADER(V2 "\x21\x00\x00\x00"), "" },
	{ HEADER(V2 "\x21\x00\x00\x03xyz"), "" },
	{ HEADER(V2 "\x21\x31\x00\xd8" N54 N54 N54 N54), "" },
	{ HEADER(V2 "\x11\x11\x00\x0c" IN4), NULL },
	{ HEADER(V2 "\x22\x11\x00\x0c" IN4), NULL },
	{ HEADER(V2 "\x21\x12\x00\x0c" IN4), NULL }, /* UDP */
	{ HEADER(V2 "\x21\x41\x00\x0c" IN4), NULL },
	{ HEADER(V2 "\x21\x11\x00\x04\xc0\x00\x02\x01"), NULL },
	{ HEADER(V2 "\x21\x21\x00\x0c" IN4), NULL },
	{ HEADER(V2 "\x21\x31\x00\x0c" IN4), NULL },
	{ HEADER(V2 "\x21\x11\xff\xff"), NULL },
	{ HEADER("\r\n\r\n\0\r\nQUIX"), NULL },
	{ HEADER("\r\n\r\nGET"), NULL },
	{ HEADER("\0"), NULL },
};

/* Whatever is cut off, and whatever follows, the answer is the same. */
static void
headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const struct sse_text t = cases[i].in;
		bool was_bad = false;

		for (size_t cut = 0; cut <= t.len + 3; cut++) {
			char *copy = malloc(cut > 0 ? cut : 1), buf[ADDR_LEN];
			struct proxy p;
			ssize_t n;

			memset(copy, 'G', cut > 0 ? cut : 1);
			memcpy(copy, t.ptr, cut < t.len ? cut : t.len);
			n = proxy_parse(copy, cut, &p);
			free(copy);
			if (was_bad)
				assert_int_equal(n, -1);
			was_bad = n == -1;
			if (cases[i].source == NULL) {
				if (n > 0 || (cut >= t.len && n != -1))
					fail_msg("%zu at %zu: %zd", i, cut, n);
				continue;
			}
			if (n != (cut < t.len ? 0 : (ssize_t)t.len))
				fail_msg("%zu at %zu: %zd", i, cut, n);
			if (n <= 0)
				continue;
			assert_int_equal(p.known, *cases[i].source != '\0');
			if (p.known)
				assert_string_equal(addr_format(&p.source, buf),
				    cases[i].source);
		}
	}
}

/* The longest of version 1 is 107 bytes, of version 2 as we say. */
static void
bounds(void **state)
{
	char buf[PROXY_MAX + 1] = "PROXY UNKNOWN ";
	struct proxy p;

	(void)state;
	memset(buf + 14, 'x', sizeof(buf) - 14);
	assert_int_equal(proxy_parse(buf, 106, &p), 0);
	assert_int_equal(proxy_parse(buf, 107, &p), -1);
	memcpy(buf + 105, "\r\n", 2);
	assert_int_equal(proxy_parse(buf, 106, &p), 0);
	assert_int_equal(proxy_parse(buf, 107, &p), 107);
	memcpy(buf + 105, "x\r\n", 3);
	assert_int_equal(proxy_parse(buf, 108, &p), -1);
	memcpy(buf, V2 "\x21\x00\x0f\xf0", 16);
	assert_int_equal(proxy_parse(buf, PROXY_MAX - 1, &p), 0);
	assert_int_equal(proxy_parse(buf, PROXY_MAX, &p), PROXY_MAX);
	memcpy(buf, V2 "\x21\x00\x0f\xf1", 16);
	assert_int_equal(proxy_parse(buf, 16, &p), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
