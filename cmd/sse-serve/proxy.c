#include <string.h>

#include "event.h"
#include "proxy.h"

#define V1_MAX 107 /* with its CRLF */
#define V2_FIXED 16

static const char v1_begin[] = "PROXY ";
static const char v2_begin[] = "\r\n\r\n\0\r\nQUIT\n";

#define V1_BEGIN (sizeof(v1_begin) - 1)
#define V2_BEGIN (sizeof(v2_begin) - 1)

/* Is what has come the beginning of this? */
static bool
begins(const char *buf, size_t len, const char *with, size_t n)
{
	return memcmp(buf, with, len < n ? len : n) == 0;
}

/* The word before the next space, or all; t goes on behind it. */
static struct sse_text
word(struct sse_text *t)
{
	const char *space = t->len > 0 ? memchr(t->ptr, ' ', t->len) : NULL;
	struct sse_text w = *t;

	w.len = space != NULL ? (size_t)(space - t->ptr) : t->len;
	t->ptr += w.len + (space != NULL);
	t->len -= w.len + (space != NULL);
	return w;
}

static bool
is_port(struct sse_text t)
{
	unsigned int n = 0;

	if (t.len == 0 || t.len > 5 || (t.len > 1 && *t.ptr == '0'))
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (t.ptr[i] < '0' || t.ptr[i] > '9')
			return false;
		n = n * 10 + (unsigned int)(t.ptr[i] - '0');
	}
	return n <= 65535;
}

/* An address of this family. */
static bool
is_addr(struct sse_text t, bool v6, struct addr *a)
{
	return addr_parse(t, a) && (memchr(t.ptr, ':', t.len) != NULL) == v6;
}

/* "TCP4 SOURCE DESTINATION PORT PORT", or "UNKNOWN" and anything. */
static bool
parse_words(struct sse_text line, struct proxy *p)
{
	struct sse_text family = word(&line);
	const char *end = line.ptr + line.len;
	struct addr to;
	bool v6 = text_is(family, "TCP6");

	if (text_is(family, "UNKNOWN"))
		return true;
	if (!v6 && !text_is(family, "TCP4"))
		return false;
	p->known = true;
	return is_addr(word(&line), v6, &p->source) &&
	    is_addr(word(&line), v6, &to) && is_port(word(&line)) &&
	    is_port(word(&line)) && line.len == 0 && end[-1] != ' ';
}

static ssize_t
parse_v1(const char *buf, size_t len, struct proxy *p)
{
	size_t n = len < V1_MAX ? len : V1_MAX;
	const char *cr = memchr(buf, '\r', n);
	struct sse_text line;

	if (cr == NULL)
		return len < V1_MAX ? 0 : -1;
	if (cr + 1 == buf + n)
		return len < V1_MAX ? 0 : -1;
	if (cr[1] != '\n')
		return -1;
	line.ptr = buf + V1_BEGIN;
	if (cr < line.ptr)
		return -1;
	line.len = (size_t)(cr - line.ptr);
	return parse_words(line, p) ? cr + 2 - buf : -1;
}

/* Where the client is, in the n bytes at b, by family and protocol. */
static bool
parse_addresses(
    unsigned char family, const unsigned char *b, size_t n, struct proxy *p)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	switch (family) {
	case 0x11: /* TCP by IPv4 */
		if (n < 12)
			return false;
		memcpy(&in.sin_addr, b, 4);
		p->source = addr_of((const void *)&in);
		p->known = true;
		return true;
	case 0x21: /* TCP by IPv6 */
		if (n < 36)
			return false;
		memcpy(&in6.sin6_addr, b, 16);
		p->source = addr_of((const void *)&in6);
		p->known = true;
		return true;
	case 0x00: /* the proxy does not know */
		return true;
	case 0x31: /* a Unix socket: no address */
		return n >= 216;
	default:
		return false;
	}
}

static ssize_t
parse_v2(const char *buf, size_t len, struct proxy *p)
{
	const unsigned char *b = (const void *)buf;
	size_t rest;

	if (len > V2_BEGIN && b[12] != 0x20 && b[12] != 0x21)
		return -1;
	if (len < V2_FIXED)
		return 0;
	rest = (size_t)b[14] << 8 | b[15];
	if (rest > PROXY_MAX - V2_FIXED)
		return -1;
	if (len < V2_FIXED + rest)
		return 0;
	/* 0x20: the proxy's own, to see whether we live. */
	if (b[12] == 0x21 && !parse_addresses(b[13], b + V2_FIXED, rest, p))
		return -1;
	return (ssize_t)(V2_FIXED + rest);
}

ssize_t
proxy_parse(const char *buf, size_t len, struct proxy *p)
{
	*p = (struct proxy){ .known = false };
	if (len == 0)
		return 0;
	if (begins(buf, len, v2_begin, V2_BEGIN))
		return parse_v2(buf, len, p);
	if (begins(buf, len, v1_begin, V1_BEGIN))
		return len < V1_BEGIN ? 0 : parse_v1(buf, len, p);
	return -1;
}
