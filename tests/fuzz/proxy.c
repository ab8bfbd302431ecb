/*
 * Whose word on where a client is gets taken: a header of the PROXY protocol,
 * and the fields of proxies.  The first byte says which and where to cut.  What
 * must hold: how the bytes are cut changes nothing, a fault stays a fault, and
 * who is not trusted is who is connected.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../cmd/sse-serve/proxy.h"
#include "../../cmd/sse-serve/trust.h"
#include "event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy that ends where it ends, so that a read beyond is found. */
static char *
exact(const char *p, size_t len)
{
	char *copy = malloc(len + (len == 0));

	memcpy(copy, p, len);
	return copy;
}

static void
check_header(const char *p, size_t len, size_t cut)
{
	char *whole = exact(p, len), *part = exact(p, cut);
	struct proxy a, b;
	ssize_t n = proxy_parse(whole, len, &a), m = proxy_parse(part, cut, &b);

	assert(n >= -1 && n <= (ssize_t)len && n <= PROXY_MAX);
	if (m == -1)
		assert(n == -1);
	if (m > 0)
		assert(n == m && a.known == b.known &&
		    addr_same(&a.source, &b.source));
	if (n > 0 && (size_t)n <= cut)
		assert(m == n);
	free(whole);
	free(part);
}

static void
check_fields(const char *p, size_t len)
{
	char *copy = exact(p, len), buf[ADDR_LEN];
	struct trust t = { .n = 0 };
	struct addr near, far, client;
	struct http_head h;
	const char *fault;
	int status;

	(void)addr_parse(TEXT("127.0.0.1"), &near);
	(void)addr_parse(TEXT("192.0.2.1"), &far);
	(void)trust_add(&t, "127.0.0.0/8", &fault);
	(void)trust_add(&t, "2001:db8::/32", &fault);
	if (http_parse(copy, len, &h, &status) > 0) {
		client = trust_client(&t, &far, &h);
		assert(addr_same(&client, &far));
		client = trust_client(&t, &near, &h);
		assert(!addr_is_unix(&client));
		assert(addr_parse(text_of(addr_format(&client, buf)), &far));
		assert(addr_same(&client, &far));
	}
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data + 1;

	if (size == 0)
		return 0;
	if (data[0] & 1)
		check_header(p, size - 1, (size - 1) * data[0] / 255);
	else
		check_fields(p, size - 1);
	return 0;
}
