#include <arpa/inet.h>
#include <string.h>

#include "addr.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
is_v4(const struct addr *a)
{
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

struct addr
addr_of(const struct sockaddr *sa)
{
	struct addr a = { { 0 } };

	if (sa->sa_family == AF_INET6) {
		memcpy(a.b,
		    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
		    16);
	} else if (sa->sa_family == AF_INET) {
		memcpy(a.b, mapped, sizeof(mapped));
		memcpy(a.b + 12,
		    &((const struct sockaddr_in *)(const void *)sa)->sin_addr,
		    4);
	}
	return a;
}

bool
addr_parse(struct sse_text t, struct addr *a)
{
	char text[ADDR_LEN];

	if (t.len == 0 || t.len >= sizeof(text) ||
	    memchr(t.ptr, '\0', t.len) != NULL)
		return false;
	memcpy(text, t.ptr, t.len);
	text[t.len] = '\0';
	memcpy(a->b, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, a->b + 12) == 1)
		return memcmp(a->b + 12, "\0\0\0\0", 4) != 0;
	return inet_pton(AF_INET6, text, a->b) == 1 && !addr_is_unix(a);
}

const char *
addr_format(const struct addr *a, char buf[static ADDR_LEN])
{
	if (addr_is_unix(a))
		strlcpy(buf, "unix", ADDR_LEN);
	else if (is_v4(a))
		inet_ntop(AF_INET, a->b + 12, buf, ADDR_LEN);
	else
		inet_ntop(AF_INET6, a->b, buf, ADDR_LEN);
	return buf;
}

bool
addr_is_unix(const struct addr *a)
{
	static const struct addr none;

	return addr_same(a, &none);
}

bool
addr_same(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

struct addr
addr_owner(const struct addr *a)
{
	struct addr owner = *a;

	if (!is_v4(a))
		memset(owner.b + 8, 0, 8);
	return owner;
}

/* Are the first bits of both the same? */
static bool
same_prefix(const struct addr *a, const struct addr *b, unsigned int bits)
{
	unsigned int bytes = bits / 8, rest = bits % 8;

	if (memcmp(a->b, b->b, bytes) != 0)
		return false;
	return rest == 0 || (a->b[bytes] ^ b->b[bytes]) >> (8 - rest) == 0;
}

static bool
parse_bits(struct sse_text t, unsigned int max, uint8_t *bits)
{
	unsigned int n = 0;

	if (t.len == 0 || t.len > 3)
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (t.ptr[i] < '0' || t.ptr[i] > '9')
			return false;
		n = n * 10 + (unsigned int)(t.ptr[i] - '0');
	}
	*bits = (uint8_t)n;
	return n <= max;
}

/* As addr_parse(), and 0.0.0.0 and :: , which networks begin with. */
static bool
parse_base(struct sse_text t, struct addr *a)
{
	if (t.len == 7 && memcmp(t.ptr, "0.0.0.0", 7) == 0) {
		memset(a, 0, sizeof(*a));
		memcpy(a->b, mapped, sizeof(mapped));
		return true;
	}
	if (t.len == 2 && memcmp(t.ptr, "::", 2) == 0) {
		memset(a, 0, sizeof(*a));
		return true;
	}
	return addr_parse(t, a);
}

bool
cidr_parse(struct sse_text t, struct cidr *c)
{
	const char *slash = t.len > 0 ? memchr(t.ptr, '/', t.len) : NULL;
	struct sse_text base = t, bits;
	bool v4;

	c->bits = 128;
	if (slash == NULL)
		return addr_parse(t, &c->addr);
	base.len = (size_t)(slash - t.ptr);
	bits = (struct sse_text){ slash + 1, t.len - base.len - 1 };
	if (!parse_base(base, &c->addr))
		return false;
	v4 = is_v4(&c->addr) && memchr(base.ptr, ':', base.len) == NULL;
	if (!parse_bits(bits, v4 ? 32 : 128, &c->bits))
		return false;
	if (v4)
		c->bits = (uint8_t)(c->bits + 96);
	/* 192.0.2.1/24 may be meant as an address as well as a network. */
	for (unsigned int i = c->bits; i < 128; i++)
		if (c->addr.b[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

bool
cidr_has(const struct cidr *c, const struct addr *a)
{
	/* ::/0 is all of IPv6, and not IPv4, which is mapped for our sake. */
	if (addr_is_unix(a) || (c->bits < 96 && is_v4(a)))
		return false;
	return same_prefix(&c->addr, a, c->bits);
}
