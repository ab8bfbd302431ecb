#include <string.h>

#include "http.h"
#include "http_text.h"

/* What a step of the parser returns. */
enum step { BAD = -1, PARTIAL = 0, ON = 1 };

/* Where the parser stands; p moves on only over what is well formed. */
struct cursor {
	const char *p, *end;
	struct http_head *h;
	int *status;
};

static enum step
bad(struct cursor *c, int status, const char *fault)
{
	*c->status = status;
	c->h->fault = fault;
	return BAD;
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool
is_token(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* May stand in a field's value: visible, blank, or above ASCII. */
static bool
is_value(char c)
{
	return is_blank(c) || ((unsigned char)c > 0x20 && c != 0x7f);
}

/* Step over the bytes of s, as many as there are. */
static enum step
expect(struct cursor *c, const char *s, const char *fault)
{
	for (; *s != '\0'; s++, c->p++) {
		if (c->p == c->end)
			return PARTIAL;
		if (*c->p != *s)
			return bad(c, 400, fault);
	}
	return ON;
}

static enum step
parse_method(struct cursor *c)
{
	const char *from = c->p;

	for (; c->p < c->end && *c->p != ' '; c->p++)
		if (!is_token(*c->p))
			return bad(c, 400,
			    *from == 0x16 ? "not HTTP; a TLS handshake, perhaps"
					  : "the method is no token");
	if (c->p == c->end)
		return PARTIAL;
	if (c->p == from)
		return bad(c, 400, "the request begins with a space");
	c->h->method = text(from, c->p++);
	return ON;
}

static enum step
parse_target(struct cursor *c)
{
	const char *from = c->p;

	for (; c->p < c->end && *c->p != ' '; c->p++)
		if (!is_value(*c->p) || *c->p == '\t' || *c->p == '#')
			return bad(c, 400,
			    "the target has a character that "
			    "must be escaped");
	if (c->p == c->end)
		return PARTIAL;
	if (c->p == from)
		return bad(c, 400, "the target is missing");
	c->h->target = text(from, c->p++);
	return ON;
}

static enum step
parse_version(struct cursor *c)
{
	static const char fault[] = "the request line has no HTTP version";
	enum step s;

	if ((s = expect(c, "HTTP/", fault)) != ON)
		return s;
	if (c->p == c->end)
		return PARTIAL;
	if (!is_digit(*c->p))
		return bad(c, 400, fault);
	if (*c->p++ != '1')
		return bad(
		    c, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	if ((s = expect(c, ".", fault)) != ON)
		return s;
	if (c->p == c->end)
		return PARTIAL;
	if (!is_digit(*c->p))
		return bad(c, 400, fault);
	c->h->minor = *c->p++ != '0';
	return expect(c, "\r\n", "the request line does not end with CRLF");
}

bool
http_host_valid(struct sse_text host)
{
	const char *p = host.ptr, *end = p + host.len;

	if (p < end && *p == '[') {
		for (p++; p < end && (is_alnum(*p) || *p == ':' || *p == '.');)
			p++;
		if (p == end || p < host.ptr + 3 || *p++ != ']')
			return false;
	} else {
		while (p < end &&
		    (is_alnum(*p) ||
			(*p != '\0' && strchr("-._~%!$&'()*+,;=", *p))))
			p++;
	}
	if (p < end && *p == ':')
		for (p++; p < end && is_digit(*p);)
			p++;
	return p == end;
}

static void
split_path(struct http_head *h, const char *p, const char *end)
{
	const char *q = p < end ? memchr(p, '?', (size_t)(end - p)) : NULL;

	h->path = text(p, q != NULL ? q : end);
	if (q != NULL)
		h->query = text(q + 1, end);
	if (h->path.len == 0)
		h->path = (struct sse_text){ "/", 1 };
}

/* Spec: RFC 9112, "Request Target". */
static enum step
split_target(struct cursor *c)
{
	struct http_head *h = c->h;
	const char *p = h->target.ptr, *end = p + h->target.len, *host;
	size_t scheme = 0;

	if (*p == '/') {
		split_path(h, p, end);
		return ON;
	}
	if (http_same(h->target, "*") && http_method_is(h, "OPTIONS")) {
		h->path = h->target;
		return ON;
	}
	if (http_method_is(h, "CONNECT"))
		return bad(c, 501, "no tunnels are made here");
	if (h->target.len > 7 && http_same(text(p, p + 7), "http://"))
		scheme = 7;
	else if (h->target.len > 8 && http_same(text(p, p + 8), "https://"))
		scheme = 8;
	else
		return bad(c, 400, "the target is neither a path nor a URL");
	for (host = p += scheme; p < end && *p != '/' && *p != '?';)
		p++;
	h->host = text(host, p);
	if (h->host.len == 0 || *host == ':' || !http_host_valid(h->host))
		return bad(c, 400, "the target names no valid host");
	split_path(h, p, end);
	return ON;
}

static enum step
parse_request_line(struct cursor *c)
{
	enum step s;

	/* Some clients end a body with one CRLF too many. */
	if (c->p < c->end && *c->p == '\r' &&
	    (s = expect(c, "\r\n", "a CR without LF")) != ON)
		return s;
	if ((s = parse_method(c)) != ON || (s = parse_target(c)) != ON ||
	    (s = parse_version(c)) != ON)
		return s;
	return split_target(c);
}

/* One field, its CRLF included. */
static enum step
parse_field(struct cursor *c, struct http_field *f)
{
	const char *from = c->p;

	if (is_blank(*from))
		return bad(c, 400, "a field is folded over two lines");
	for (; c->p < c->end && *c->p != ':'; c->p++)
		if (!is_token(*c->p))
			return bad(c, 400, "a field's name is no token");
	if (c->p == c->end)
		return PARTIAL;
	if (c->p == from)
		return bad(c, 400, "a field has no name");
	f->name = text(from, c->p);
	for (from = ++c->p; c->p < c->end && is_value(*c->p);)
		c->p++;
	f->value = trim(text(from, c->p));
	return expect(c, "\r\n",
	    "a field's value has a control character or a bare line end");
}

static enum step
take_length(struct cursor *c, struct sse_text value)
{
	struct http_head *h = c->h;
	uint64_t n = 0;

	if (h->body == HTTP_BODY_LENGTH)
		return bad(c, 400, "Content-Length is given twice");
	for (size_t i = 0; i < value.len; i++) {
		if (!is_digit(value.ptr[i]))
			return bad(c, 400, "Content-Length is no number");
		if (n > (HTTP_LENGTH_MAX - 9) / 10)
			return bad(c, 400, "Content-Length is too large");
		n = n * 10 + (uint64_t)(value.ptr[i] - '0');
	}
	if (value.len == 0)
		return bad(c, 400, "Content-Length is no number");
	h->body = HTTP_BODY_LENGTH;
	h->content_length = n;
	return ON;
}

/* What makes a head bad by one field, told at the end of that field. */
static enum step
check_field(struct cursor *c, const struct http_field *f)
{
	if (http_same(f->name, "Content-Length"))
		return take_length(c, f->value);
	if (http_same(f->name, "Host")) {
		if (http_field_count(c->h, "Host") > 1)
			return bad(c, 400, "Host is given twice");
		if (!http_host_valid(f->value))
			return bad(c, 400, "Host is no host");
	}
	return ON;
}

/* Spec: RFC 9112, "Message Body Length". */
static enum step
check_coding(struct cursor *c)
{
	struct http_list it = { 0 };
	struct sse_text member, last = { "", 0 };
	size_t codings = 0, chunked = 0;

	if (http_field(c->h, "Transfer-Encoding").ptr == NULL)
		return ON;
	if (c->h->body == HTTP_BODY_LENGTH)
		return bad(c, 400,
		    "both Transfer-Encoding and Content-Length are given");
	if (c->h->minor == 0)
		return bad(c, 400, "HTTP/1.0 has no Transfer-Encoding");
	while (http_list_next(c->h, "Transfer-Encoding", &it, &member)) {
		codings++;
		chunked += http_same(member, "chunked");
		last = member;
	}
	if (!http_same(last, "chunked") || chunked > 1)
		return bad(c, 400, "the body does not end as chunked");
	if (codings > 1)
		return bad(c, 501, "no transfer coding but chunked is read");
	c->h->body = HTTP_BODY_CHUNKED;
	return ON;
}

static enum step
check_head(struct cursor *c)
{
	struct http_head *h = c->h;
	struct http_list it = { 0 };
	struct sse_text host = http_field(h, "Host"), member;
	enum step s;

	if (host.ptr == NULL && h->minor > 0)
		return bad(c, 400, "Host is missing");
	if (h->host.ptr == NULL && host.ptr != NULL)
		h->host = host;
	if ((s = check_coding(c)) != ON)
		return s;
	h->keep_alive = !http_list_has(h, "Connection", "close") &&
	    (h->minor > 0 || http_list_has(h, "Connection", "keep-alive"));
	while (h->minor > 0 && http_list_next(h, "Expect", &it, &member)) {
		if (!http_same(member, "100-continue"))
			return bad(c, 417, "only 100-continue can be expected");
		h->expect_continue = h->body == HTTP_BODY_CHUNKED ||
		    h->content_length > 0;
	}
	return ON;
}

static enum step
parse_fields(struct cursor *c)
{
	struct http_head *h = c->h;
	enum step s;

	while (c->p < c->end && *c->p != '\r') {
		if (h->nfields == HTTP_FIELDS_MAX)
			return bad(c, 431, "there are too many fields");
		if ((s = parse_field(c, &h->fields[h->nfields])) != ON)
			return s;
		h->nfields++;
		if ((s = check_field(c, &h->fields[h->nfields - 1])) != ON)
			return s;
	}
	return expect(c, "\r\n", "a CR without LF");
}

ssize_t
http_parse(const char *buf, size_t len, struct http_head *h, int *status)
{
	struct cursor c = { buf, buf + len, h, status };
	enum step s;

	*h = (struct http_head){ .nfields = 0 };
	if ((s = parse_request_line(&c)) != ON ||
	    (s = parse_fields(&c)) != ON || (s = check_head(&c)) != ON)
		return s;
	return c.p - buf;
}

int
http_too_long(const char *buf, size_t len)
{
	size_t skip = len >= 2 && memcmp(buf, "\r\n", 2) == 0 ? 2 : 0;

	return memchr(buf + skip, '\n', len - skip) == NULL ? 414 : 431;
}

int
http_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}
