/* Request heads: what is taken, what is refused, and at every cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/http.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

#define LINE "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define GET LINE HOST
#define POST "POST / HTTP/1.1\r\n" HOST
#define END "\r\n"
#define F8 "a: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\n"
#define F64 F8 F8 F8 F8 F8 F8 F8 F8

/* A head as a constant, which may contain NUL. */
#define HEAD(s)                  \
	{                        \
		s, sizeof(s) - 1 \
	}

/* Every one is refused, by this status, whatever may follow. */
static const struct {
	struct sse_text head;
	int status;
} hostile[] = {
	/* the method */
	{ HEAD("\0"), 400 },
	{ HEAD("\x16\x03\x01\x02\x00\x01\x00"), 400 }, /* TLS */
	{ HEAD("\x80\x2e\x01\x00\x02"), 400 },         /* SSLv2 */
	{ HEAD("\n"), 400 },
	{ HEAD("\nGET / HTTP/1.1\r\n"), 400 },
	{ HEAD("\rGET / HTTP/1.1\r\n"), 400 },
	{ HEAD("\r\r\n"), 400 },
	{ HEAD("\r\n\r\nGET / HTTP/1.1\r\n"), 400 },
	{ HEAD("\r\n\nGET / HTTP/1.1\r\n"), 400 },
	{ HEAD(" GET / HTTP/1.1\r\n"), 400 },
	{ HEAD("\tGET / HTTP/1.1\r\n"), 400 },
	{ HEAD("\r\n GET / HTTP/1.1\r\n"), 400 },
	{ HEAD("GET\r\n"), 400 },
	{ HEAD("GET\n"), 400 },
	{ HEAD("GET\t/ HTTP/1.1\r\n"), 400 },
	{ HEAD("G(T / HTTP/1.1\r\n"), 400 },
	{ HEAD("G,T / HTTP/1.1\r\n"), 400 },
	{ HEAD("G/T / HTTP/1.1\r\n"), 400 },
	{ HEAD("G:T / HTTP/1.1\r\n"), 400 },
	{ HEAD("G\"T / HTTP/1.1\r\n"), 400 },
	{ HEAD("G@T / HTTP/1.1\r\n"), 400 },
	{ HEAD("G[T / HTTP/1.1\r\n"), 400 },
	{ HEAD("G{T / HTTP/1.1\r\n"), 400 },
	{ HEAD("G\0T / HTTP/1.1\r\n"), 400 },
	{ HEAD("G\x7fT / HTTP/1.1\r\n"), 400 },
	{ HEAD("G\xc3\xa9T / HTTP/1.1\r\n"), 400 },
	{ HEAD("\xef\xbb\xbfGET / HTTP/1.1\r\n"), 400 },
	{ HEAD("{\"event\":1}\r\n"), 400 },
	{ HEAD("<policy-file-request/>\0"), 400 },
	{ HEAD("*1\r\n$4\r\nPING\r\n"), 400 },
	/* the target */
	{ HEAD("GET  / HTTP/1.1\r\n"), 400 },
	{ HEAD("GET \r\n"), 400 },
	{ HEAD("GET \n"), 400 },
	{ HEAD("GET /\r\n"), 400 },
	{ HEAD("GET /\n"), 400 },
	{ HEAD("GET /\tHTTP/1.1\r\n"), 400 },
	{ HEAD("GET /a#b HTTP/1.1\r\n"), 400 },
	{ HEAD("GET /\0 HTTP/1.1\r\n"), 400 },
	{ HEAD("GET /\x01 HTTP/1.1\r\n"), 400 },
	{ HEAD("GET /\x0b HTTP/1.1\r\n"), 400 },
	{ HEAD("GET /\x1b[31m HTTP/1.1\r\n"), 400 },
	{ HEAD("GET /\x7f HTTP/1.1\r\n"), 400 },
	{ HEAD("GET /\r HTTP/1.1\r\n"), 400 },
	{ HEAD("GET /a\r\nb HTTP/1.1\r\n"), 400 },
	{ HEAD("GET a HTTP/1.1\r\n"), 400 },
	{ HEAD("GET ? HTTP/1.1\r\n"), 400 },
	{ HEAD("GET * HTTP/1.1\r\n"), 400 },
	{ HEAD("OPTIONS ** HTTP/1.1\r\n"), 400 },
	{ HEAD("GET a.example HTTP/1.1\r\n"), 400 },
	{ HEAD("GET a.example:80 HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http:/a HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http://  HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http:// HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http:/// HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http://?a HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http://:80/ HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http://u@a/ HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http://u:p@a/ HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http://a:b/ HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http://a:80:80/ HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http://[::1/ HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http://[]/ HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http://a\\b/ HTTP/1.1\r\n"), 400 },
	{ HEAD("GET http://\xc3\xa9/ HTTP/1.1\r\n"), 400 },
	{ HEAD("GET ftp://a/ HTTP/1.1\r\n"), 400 },
	{ HEAD("GET file:///etc/passwd HTTP/1.1\r\n"), 400 },
	{ HEAD("GET https:a HTTP/1.1\r\n"), 400 },
	{ HEAD("CONNECT a:80 HTTP/1.1\r\n"), 501 },
	{ HEAD("CONNECT a HTTP/1.1\r\n"), 501 },
	/* the version */
	{ HEAD("GET /  HTTP/1.1\r\n"), 400 },
	{ HEAD("GET / \r\n"), 400 },
	{ HEAD("GET / http/1.1\r\n"), 400 },
	{ HEAD("GET / HTTP 1.1\r\n"), 400 },
	{ HEAD("GET / HTTP/\r\n"), 400 },
	{ HEAD("GET / HTTP/1\r\n"), 400 },
	{ HEAD("GET / HTTP/1.\r\n"), 400 },
	{ HEAD("GET / HTTP/1.a\r\n"), 400 },
	{ HEAD("GET / HTTP/1.10\r\n"), 400 },
	{ HEAD("GET / HTTP/11.1\r\n"), 400 },
	{ HEAD("GET / HTTP/1,1\r\n"), 400 },
	{ HEAD("GET / HTTP/-1.1\r\n"), 400 },
	{ HEAD("GET / HTTP/0.9\r\n"), 505 },
	{ HEAD("GET / HTTP/2.0\r\n"), 505 },
	{ HEAD("GET / HTTP/3\r\n"), 505 },
	{ HEAD("GET / HTTP/9.9\r\n"), 505 },
	{ HEAD("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
	{ HEAD("GET / HTTP/1.1 \r\n"), 400 },
	{ HEAD("GET / HTTP/1.1 x\r\n"), 400 },
	{ HEAD("GET / HTTP/1.1\n"), 400 },
	{ HEAD("GET / HTTP/1.1\r"
	       "Host: a\r\n"),
	    400 },
	{ HEAD("GET / HTTP/1.1\r\r\n"), 400 },
	{ HEAD("GET / HTTP/1.1\0\r\n"), 400 },
	{ HEAD("GET / XTTP/1.1\r\n"), 400 },
	{ HEAD("GET / RTSP/1.0\r\n"), 400 },
	{ HEAD("GET /a b HTTP/1.1\r\n"), 400 },
	/* the names of fields */
	{ HEAD(GET " a: b\r\n"), 400 },
	{ HEAD(GET "\ta: b\r\n"), 400 },
	{ HEAD(LINE " Host: a\r\n"), 400 },
	{ HEAD(GET "a: b\r\n c\r\n" END), 400 },
	{ HEAD(GET "a: b\r\n\tc\r\n" END), 400 },
	{ HEAD(GET "a: b\r\n \r\n" END), 400 },
	{ HEAD(GET "a : b\r\n" END), 400 },
	{ HEAD(GET "a\t: b\r\n" END), 400 },
	{ HEAD(GET "Content-Length : 1\r\n" END), 400 },
	{ HEAD(GET "Transfer-Encoding : chunked\r\n" END), 400 },
	{ HEAD(GET "a b: c\r\n" END), 400 },
	{ HEAD(GET ": b\r\n" END), 400 },
	{ HEAD(GET ":\r\n" END), 400 },
	{ HEAD(GET "a\r\n" END), 400 },
	{ HEAD(GET "a\n" END), 400 },
	{ HEAD(GET "a(b): c\r\n" END), 400 },
	{ HEAD(GET "a/b: c\r\n" END), 400 },
	{ HEAD(GET "a\"b: c\r\n" END), 400 },
	{ HEAD(GET "a\0b: c\r\n" END), 400 },
	{ HEAD(GET "\0a: c\r\n" END), 400 },
	{ HEAD(GET "a\x7f: c\r\n" END), 400 },
	{ HEAD(GET "\xc3\xa9: c\r\n" END), 400 },
	{ HEAD(GET "a\rb: c\r\n" END), 400 },
	{ HEAD(GET "\n" END), 400 },
	{ HEAD(GET "\rX"), 400 },
	{ HEAD(GET "\r\r\n"), 400 },
	/* the values of fields */
	{ HEAD(GET "a: b\0c\r\n" END), 400 },
	{ HEAD(GET "a: \0\r\n" END), 400 },
	{ HEAD(GET "a: b\x01\r\n" END), 400 },
	{ HEAD(GET "a: b\x08\r\n" END), 400 },
	{ HEAD(GET "a: b\x0b\r\n" END), 400 },
	{ HEAD(GET "a: b\x1b[2J\r\n" END), 400 },
	{ HEAD(GET "a: b\x7f\r\n" END), 400 },
	{ HEAD(GET "a: b\n" END), 400 },
	{ HEAD(GET "a: b\nc: d\r\n" END), 400 },
	{ HEAD(GET "a: b\rc: d\r\n" END), 400 },
	{ HEAD(GET "a: b\r\r\n" END), 400 },
	{ HEAD(GET "a:\n" END), 400 },
	{ HEAD(GET "a: b\r \r\n" END), 400 },
	{ HEAD(GET "a: b\n\n"), 400 },
	/* the number of fields */
	{ HEAD(GET F64 END), 431 },
	{ HEAD(LINE F64 HOST), 431 },
	{ HEAD(LINE F64 "\0"), 431 },
	/* Host */
	{ HEAD(LINE END), 400 },
	{ HEAD(LINE "a: b\r\n" END), 400 },
	{ HEAD("GET http://a/ HTTP/1.1\r\n" END), 400 },
	{ HEAD("GET / HTTP/1.9\r\n" END), 400 },
	{ HEAD(LINE "X-Host: a\r\n" END), 400 },
	{ HEAD(GET HOST END), 400 },
	{ HEAD(GET "hOST: b\r\n" END), 400 },
	{ HEAD(GET "Host:\r\n" END), 400 },
	{ HEAD("GET / HTTP/1.0\r\n" HOST HOST END), 400 },
	{ HEAD(LINE "Host: a b\r\n" END), 400 },
	{ HEAD(LINE "Host: a,b\tc\r\n" END), 400 },
	{ HEAD(LINE "Host: a/b\r\n" END), 400 },
	{ HEAD(LINE "Host: a?b\r\n" END), 400 },
	{ HEAD(LINE "Host: a@b\r\n" END), 400 },
	{ HEAD(LINE "Host: a#b\r\n" END), 400 },
	{ HEAD(LINE "Host: a\\b\r\n" END), 400 },
	{ HEAD(LINE "Host: a:b\r\n" END), 400 },
	{ HEAD(LINE "Host: a:-1\r\n" END), 400 },
	{ HEAD(LINE "Host: a:80:80\r\n" END), 400 },
	{ HEAD(LINE "Host: ::1\r\n" END), 400 },
	{ HEAD(LINE "Host: [::1\r\n" END), 400 },
	{ HEAD(LINE "Host: []\r\n" END), 400 },
	{ HEAD(LINE "Host: [::1]a\r\n" END), 400 },
	{ HEAD(LINE "Host: [a/b]\r\n" END), 400 },
	{ HEAD(LINE "Host: http://a\r\n" END), 400 },
	{ HEAD(LINE "Host: \xc3\xa9\r\n" END), 400 },
	{ HEAD(LINE "Host: <script>\r\n" END), 400 },
	/* Content-Length */
	{ HEAD(POST "Content-Length:\r\n" END), 400 },
	{ HEAD(POST "Content-Length: \r\n" END), 400 },
	{ HEAD(POST "Content-Length: -1\r\n" END), 400 },
	{ HEAD(POST "Content-Length: +1\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 0x1\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 1.0\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 1e3\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 1 1\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 1, 1\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 1,2\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 1;a\r\n" END), 400 },
	{ HEAD(POST "Content-Length: \"1\"\r\n" END), 400 },
	{ HEAD(POST "Content-Length: a\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 9223372036854775808\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 18446744073709551616\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 99999999999999999999999999\r\n" END),
	    400 },
	{ HEAD(POST "Content-Length: 1\r\nContent-Length: 1\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 1\r\ncontent-length: 2\r\n" END), 400 },
	{ HEAD(POST "Content-Length: 0\r\nContent-Length: 5\r\n" END), 400 },
	{ HEAD(GET "Content-Length: x\r\n" END), 400 },
	/* Transfer-Encoding */
	{ HEAD(POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n" END),
	    400 },
	{ HEAD(POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n" END),
	    400 },
	{ HEAD("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding:\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: ,\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: gzip\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: identity\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: xchunked\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: chunke\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: \"chunked\"\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: chunked;a=b\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: chunked chunked\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: chunked, chunked\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: chunked, gzip\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: chunked, identity\r\n" END), 400 },
	{ HEAD(POST "Transfer-Encoding: gzip, chunked\r\n" END), 501 },
	{ HEAD(POST "Transfer-Encoding: gzip\r\n"
		    "Transfer-Encoding: chunked\r\n" END),
	    501 },
	{ HEAD(POST "Transfer-Encoding: chunked\r\n"
		    "Transfer-Encoding: chunked\r\n" END),
	    400 },
	{ HEAD(POST "Transfer-Encoding: chunked\r\n"
		    "Transfer-Encoding: identity\r\n" END),
	    400 },
	{ HEAD(POST "Transfer-Encoding: \x0b"
		    "chunked\r\n" END),
	    400 },
	/* Expect */
	{ HEAD(POST "Expect: 200-ok\r\n" END), 417 },
	{ HEAD(POST "Expect: 100-continue, x\r\n" END), 417 },
	{ HEAD(POST "Expect: 100-continue\r\nExpect: x\r\n" END), 417 },
};

/* A copy that ends where it ends, so that a read beyond is found. */
static char *
exact(const char *p, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, p, len);
	return copy;
}

static void
hostile_heads(void **state)
{
	(void)state;
	assert_true(nitems(hostile) >= 150);
	for (size_t i = 0; i < nitems(hostile); i++) {
		const struct sse_text t = hostile[i].head;
		bool was_bad = false;

		for (size_t cut = 0; cut <= t.len; cut++) {
			char *copy = exact(t.ptr, cut);
			struct http_head h;
			int status = 0;
			ssize_t n = http_parse(copy, cut, &h, &status);

			/* Once it is bad it stays so, in the same way. */
			if (n > 0 || (n == 0 && (was_bad || cut == t.len)) ||
			    (n == -1 && status != hostile[i].status))
				fail_msg("%zu \"%s\" cut at %zu: %zd, %d", i,
				    t.ptr, cut, n, status);
			was_bad = n == -1;
			if (was_bad)
				assert_non_null(h.fault);
			free(copy);
		}
	}
}

/* What follows a head, or a fault, does not change it. */
static void
hostile_heads_with_more(void **state)
{
	static const char more[] = "\r\n\r\nGET / HTTP/1.1\r\n" HOST END;
	char buf[2048];

	(void)state;
	for (size_t i = 0; i < nitems(hostile); i++) {
		const struct sse_text t = hostile[i].head;
		struct http_head h;
		int status = 0;

		memcpy(buf, t.ptr, t.len);
		memcpy(buf + t.len, more, sizeof(more));
		assert_int_equal(
		    http_parse(buf, t.len + sizeof(more), &h, &status), -1);
		assert_int_equal(status, hostile[i].status);
	}
}

static const struct {
	struct sse_text head;
	const char *want;
} good[] = {
	{ HEAD(GET END), "GET a / ? 1 keep - 0" },
	{ HEAD("\r\n" GET END), "GET a / ? 1 keep - 0" },
	{ HEAD("GET / HTTP/1.0\r\n" END), "GET  / ? 0 close - 0" },
	{ HEAD("GET / HTTP/1.7\r\n" HOST END), "GET a / ? 1 keep - 0" },
	{ HEAD("GET /a?b=c?d HTTP/1.1\r\n" HOST END),
	    "GET a /a ?b=c?d 1 keep - 0" },
	{ HEAD("GET /? HTTP/1.1\r\n" HOST END), "GET a / ? 1 keep - 0" },
	{ HEAD("GET //a//b HTTP/1.1\r\n" HOST END),
	    "GET a //a//b ? 1 keep - 0" },
	{ HEAD("GET /%00%zz|[]{}\"<>\\^` HTTP/1.1\r\n" HOST END),
	    "GET a /%00%zz|[]{}\"<>\\^` ? 1 keep - 0" },
	{ HEAD("GET /\xc3\xa9 HTTP/1.1\r\n" HOST END),
	    "GET a /\xc3\xa9 ? 1 keep - 0" },
	{ HEAD("GET http://b:80/c?d HTTP/1.1\r\n" HOST END),
	    "GET b:80 /c ?d 1 keep - 0" },
	{ HEAD("GET HTTP://b HTTP/1.1\r\n" HOST END), "GET b / ? 1 keep - 0" },
	{ HEAD("GET https://b?c HTTP/1.1\r\n" HOST END),
	    "GET b / ?c 1 keep - 0" },
	{ HEAD("GET http://[::1]:1/ HTTP/1.1\r\n" HOST END),
	    "GET [::1]:1 / ? 1 keep - 0" },
	{ HEAD("OPTIONS * HTTP/1.1\r\n" HOST END), "OPTIONS a * ? 1 keep - 0" },
	{ HEAD("M-SEARCH!#$%&'*+.^_`|~ / HTTP/1.1\r\n" HOST END),
	    "M-SEARCH!#$%&'*+.^_`|~ a / ? 1 keep - 0" },
	{ HEAD(LINE "Host:\r\n" END), "GET  / ? 1 keep - 0" },
	{ HEAD(LINE "host:  a.example:8080 \t\r\n" END),
	    "GET a.example:8080 / ? 1 keep - 0" },
	{ HEAD(LINE "Host: [fe80::1]:80\r\n" END),
	    "GET [fe80::1]:80 / ? 1 keep - 0" },
	{ HEAD(GET "Connection: close\r\n" END), "GET a / ? 1 close - 0" },
	{ HEAD(GET "Connection: x, CLOSE\r\n" END), "GET a / ? 1 close - 0" },
	{ HEAD(GET "Connection: keep-alive\r\nConnection: close\r\n" END),
	    "GET a / ? 1 close - 0" },
	{ HEAD("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" END),
	    "GET  / ? 0 keep - 0" },
	{ HEAD(POST "Content-Length: 0\r\n" END), "POST a / ? 1 keep n 0" },
	{ HEAD(POST "Content-Length: 007\r\n" END), "POST a / ? 1 keep n 7" },
	{ HEAD(POST "Content-Length: 4611686018427387904\r\n" END),
	    "POST a / ? 1 keep n 4611686018427387904" },
	{ HEAD(POST "Content-Length: 5\r\nExpect: 100-Continue\r\n" END),
	    "POST a / ? 1 keep n 5 continue" },
	{ HEAD(POST "Content-Length: 0\r\nExpect: 100-continue\r\n" END),
	    "POST a / ? 1 keep n 0" },
	{ HEAD("POST / HTTP/1.0\r\nContent-Length: 5\r\n"
	       "Expect: 100-continue\r\n" END),
	    "POST  / ? 0 close n 5" },
	{ HEAD(POST "Transfer-Encoding: CHUNKED\r\n" END),
	    "POST a / ? 1 keep c 0" },
	{ HEAD(POST "Transfer-Encoding: , chunked,\r\n"
		    "Expect: 100-continue\r\n" END),
	    "POST a / ? 1 keep c 0 continue" },
	{ HEAD(GET "a:\r\nb:c\r\nd: \t e f\t \r\n"
		   "g: \xff\"\x80\r\n" END),
	    "GET a / ? 1 keep - 0" },
	{ HEAD(LINE F8 F8 F8 F8 F8 F8 F8
	      "a: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\na: b\r\n" HOST
		  END),
	    "GET a / ? 1 keep - 0" },
};

static void
say(const struct http_head *h, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s %.*s %.*s ?%.*s %d %s %c %llu%s",
	    (int)h->method.len, h->method.ptr, (int)h->host.len,
	    h->host.len > 0 ? h->host.ptr : "", (int)h->path.len, h->path.ptr,
	    (int)h->query.len, h->query.len > 0 ? h->query.ptr : "", h->minor,
	    h->keep_alive ? "keep" : "close", "-nc"[h->body],
	    (unsigned long long)h -> content_length,
	    h -> expect_continue ? " continue" : "");
}

static void
good_heads(void **state)
{
	char got[512];

	(void)state;
	for (size_t i = 0; i < nitems(good); i++) {
		const struct sse_text t = good[i].head;

		for (size_t cut = 0; cut <= t.len; cut++) {
			char *copy = exact(t.ptr, cut);
			struct http_head h;
			int status = 0;
			ssize_t n = http_parse(copy, cut, &h, &status);

			if (n != (cut == t.len ? (ssize_t)cut : 0))
				fail_msg("%zu \"%s\" cut at %zu: %zd, %d %s", i,
				    t.ptr, cut, n, status,
				    n == -1 ? h.fault : "");
			if (n > 0) {
				say(&h, got, sizeof(got));
				assert_string_equal(got, good[i].want);
			}
			free(copy);
		}
	}
}

/* The head ends where it ends: what stands behind is not looked at. */
static void
head_before_body(void **state)
{
	static const char s[] = POST "Content-Length: 3\r\n" END "\0\n\r";
	struct http_head h;
	int status;

	(void)state;
	assert_int_equal(
	    http_parse(s, sizeof(s) - 1, &h, &status), sizeof(s) - 1 - 3);
	assert_int_equal(h.nfields, 2);
}

/* Any byte in any place: no head that is taken has one it may not have. */
static void
every_byte_replaced(void **state)
{
	static const char s[] = "GET /a?b HTTP/1.1\r\nHost: a:1\r\nX-Y: z\r\n"
				"Content-Length: 12\r\n" END;
	char buf[sizeof(s)];

	(void)state;
	for (size_t at = 0; at < sizeof(s) - 1; at++) {
		for (int c = 0; c < 256; c++) {
			struct http_head h;
			int status = 0;
			ssize_t n;

			memcpy(buf, s, sizeof(s));
			buf[at] = (char)c;
			n = http_parse(buf, sizeof(s) - 1, &h, &status);
			if (n == -1) {
				assert_true(status >= 400 && status <= 505);
				continue;
			}
			if (buf[at] != s[at] &&
			    ((c < ' ' && c != '\t') || c == 0x7f))
				fail_msg("byte %d is taken at %zu", c, at);
		}
	}
}

static void
too_long(void **state)
{
	(void)state;
	assert_int_equal(http_too_long("GET /aaa", 8), 414);
	assert_int_equal(http_too_long("\r\nGET /aaa", 10), 414);
	assert_int_equal(http_too_long("", 0), 414);
	assert_int_equal(http_too_long(GET, sizeof(GET) - 1), 431);
	assert_int_equal(
	    http_too_long(LINE "a: ", sizeof(LINE "a: ") - 1), 431);
}

/* h points into buf, which is the caller's. */
static void
parse(struct http_head *h, char buf[1024], const char *fields)
{
	int status = 0, n = snprintf(buf, 1024, GET "%s\r\n", fields);

	if (http_parse(buf, (size_t)n, h, &status) != n)
		fail_msg("\"%s\" is refused: %d", fields, status);
}

static void
fields_by_name(void **state)
{
	struct http_head h;
	char buf[1024];

	(void)state;
	parse(&h, buf, "Accept: x\r\nACCEPT: y\r\nEmpty:\r\n");
	assert_true(http_same(http_field(&h, "accept"), "X"));
	assert_int_equal(http_field_count(&h, "Accept"), 2);
	assert_non_null(http_field(&h, "empty").ptr);
	assert_int_equal(http_field(&h, "empty").len, 0);
	assert_null(http_field(&h, "accep").ptr);
	assert_null(http_field(&h, "accepts").ptr);
	assert_int_equal(http_field_count(&h, "none"), 0);
}

static void
lists(void **state)
{
	static const struct {
		const char *fields, *want;
	} cases[] = {
		{ "", "" },
		{ "L:\r\n", "" },
		{ "L: ,, ,\r\n", "" },
		{ "L: a\r\n", "<a>" },
		{ "L: a,b\r\n", "<a><b>" },
		{ "L:a , ,\tb ,\r\n", "<a><b>" },
		{ "L: a\r\nX: no\r\nl: b, c\r\n", "<a><b><c>" },
		{ "L: a=\"b,c\", d\r\n", "<a=\"b,c\"><d>" },
		{ "L: \"a\\\",b\", c\r\n", "<\"a\\\",b\"><c>" },
		{ "L: \"a,b\r\nL: c\r\n", "<\"a,b><c>" },
		{ "L: \"a\\\r\nL: b\r\n", "<\"a\\><b>" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct http_list it = { 0 };
		char buf[1024], got[256] = "";
		struct http_head h;
		struct sse_text m;

		parse(&h, buf, cases[i].fields);
		while (http_list_next(&h, "l", &it, &m)) {
			strcat(got, "<");
			strncat(got, m.ptr, m.len);
			strcat(got, ">");
		}
		assert_string_equal(got, cases[i].want);
		assert_false(http_list_next(&h, "l", &it, &m));
	}
}

static void
list_members(void **state)
{
	struct http_head h;
	char buf[1024];

	(void)state;
	parse(&h, buf, "L: a;q=1, Bc ; x\r\nL: d\r\n");
	assert_true(http_list_has(&h, "L", "A"));
	assert_true(http_list_has(&h, "L", "bc"));
	assert_true(http_list_has(&h, "L", "d"));
	assert_false(http_list_has(&h, "L", "b"));
	assert_false(http_list_has(&h, "L", "q"));
	assert_false(http_list_has(&h, "M", "a"));
}

static void
accepts(void **state)
{
	static const struct {
		const char *fields;
		int quality;
		bool by_name;
	} cases[] = {
		{ "", 1000, false },
		{ "Accept:\r\n", 1000, false },
		{ "Accept: */*\r\n", 1000, false },
		{ "Accept: text/*\r\n", 1000, false },
		{ "Accept: text/event-stream\r\n", 1000, true },
		{ "Accept: TEXT/Event-Stream\r\n", 1000, true },
		{ "Accept: text/event-stream;charset=utf-8\r\n", 1000, true },
		{ "Accept: text/event-stream;q=0\r\n", 0, false },
		{ "Accept: text/event-stream;q=0.000, */*\r\n", 0, false },
		{ "Accept: */*, text/event-stream; q=0\r\n", 0, false },
		{ "Accept: text/*;q=0, */*\r\n", 0, false },
		{ "Accept: text/*;q=0, text/event-stream;q=0.3\r\n", 300,
		    true },
		{ "Accept: text/event-stream ; Q=0.25 \r\n", 250, true },
		{ "Accept: text/event-stream;a=\"q=0;,\";q=0.125\r\n", 125,
		    true },
		{ "Accept: text/event-stream;q=1.000\r\n", 1000, true },
		{ "Accept: text/event-stream;q=1.5\r\n", 1000, true },
		{ "Accept: text/event-stream;q=9\r\n", 1000, true },
		{ "Accept: text/event-stream;q=.5\r\n", 1000, true },
		{ "Accept: text/event-stream;q=x\r\n", 1000, true },
		{ "Accept: text/event-stream;q=\r\n", 1000, true },
		{ "Accept: text/event-stream;q\r\n", 1000, true },
		{ "Accept: text/event-stream;q=0.12345\r\n", 123, true },
		{ "Accept: text/html,application/xml;q=0.9,*/*;q=0.8\r\n", 800,
		    false },
		{ "Accept: text/html\r\nAccept: text/event-stream\r\n", 1000,
		    true },
		{ "Accept: text/html\r\n", 0, false },
		{ "Accept: text/event\r\n", 0, false },
		{ "Accept: text/event-streams\r\n", 0, false },
		{ "Accept: */event-stream\r\n", 0, false },
		{ "Accept: text/\r\n", 0, false },
		{ "Accept: *\r\n", 0, false },
		{ "Accept: image/*\r\n", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct http_head h;
		char buf[1024];
		bool by_name;
		int q;

		parse(&h, buf, cases[i].fields);
		q = http_accepts(&h, "text/event-stream", &by_name);
		if (q != cases[i].quality || by_name != cases[i].by_name)
			fail_msg("%s: %d %d", cases[i].fields, q, by_name);
		assert_int_equal(
		    http_accepts(&h, "text/event-stream", NULL), q);
	}
}

static void
methods(void **state)
{
	struct http_head h;
	char buf[1024];

	(void)state;
	parse(&h, buf, "");
	assert_true(http_method_is(&h, "GET"));
	assert_false(http_method_is(&h, "get"));
	assert_false(http_method_is(&h, "GE"));
	assert_false(http_method_is(&h, "GETS"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_heads),
		cmocka_unit_test(hostile_heads_with_more),
		cmocka_unit_test(good_heads),
		cmocka_unit_test(head_before_body),
		cmocka_unit_test(every_byte_replaced),
		cmocka_unit_test(too_long),
		cmocka_unit_test(fields_by_name),
		cmocka_unit_test(lists),
		cmocka_unit_test(list_members),
		cmocka_unit_test(accepts),
		cmocka_unit_test(methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
