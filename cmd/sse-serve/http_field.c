#include <string.h>

#include "http.h"
#include "http_text.h"

bool
http_same(struct sse_text t, const char *word)
{
	size_t i = 0;

	for (; i < t.len && word[i] != '\0'; i++)
		if (lower(t.ptr[i]) != lower(word[i]))
			return false;
	return i == t.len && word[i] == '\0';
}

struct sse_text
http_field(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->nfields; i++)
		if (http_same(h->fields[i].name, name))
			return h->fields[i].value;
	return (struct sse_text){ NULL, 0 };
}

size_t
http_field_count(const struct http_head *h, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < h->nfields; i++)
		n += http_same(h->fields[i].name, name);
	return n;
}

/* Where the member that begins at p ends: a comma (sep) outside of quotes. */
static const char *
member_end(const char *p, const char *end, char sep)
{
	bool quoted = false;

	for (; p < end && (quoted || *p != sep); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (quoted && *p == '\\' && p + 1 < end)
			p++;
	}
	return p;
}

bool
http_list_next(const struct http_head *h, const char *name,
    struct http_list *it, struct sse_text *member)
{
	for (; it->field < h->nfields; it->field++, it->offset = 0) {
		const struct http_field *f = &h->fields[it->field];
		const char *end = f->value.ptr + f->value.len;

		if (!http_same(f->name, name))
			continue;
		while (it->offset < f->value.len) {
			const char *p = f->value.ptr + it->offset;
			const char *to = member_end(p, end, ',');

			it->offset = (size_t)(to - f->value.ptr) + 1;
			*member = trim(text(p, to));
			if (member->len > 0)
				return true;
		}
	}
	return false;
}

/* A member without the parameters behind it. */
static struct sse_text
bare(struct sse_text member)
{
	return trim(text(
	    member.ptr, member_end(member.ptr, member.ptr + member.len, ';')));
}

bool
http_list_has(const struct http_head *h, const char *name, const char *member)
{
	struct http_list it = { 0 };
	struct sse_text m;

	while (http_list_next(h, name, &it, &m))
		if (http_same(bare(m), member))
			return true;
	return false;
}

/* The weight of a member in thousandths; one that is malformed counts full. */
static int
weight(struct sse_text member)
{
	const char *end = member.ptr + member.len;
	const char *p = member_end(member.ptr, end, ';');

	while (p < end) {
		const char *to = member_end(p + 1, end, ';');
		struct sse_text param = trim(text(p + 1, to));
		int q = 0, unit = 1000;

		p = to;
		if (param.len < 3 ||
		    !http_same(text(param.ptr, param.ptr + 2), "q="))
			continue;
		for (size_t i = 2; i < param.len; i++) {
			if (i == 3 && param.ptr[i] == '.')
				continue;
			if (!is_digit(param.ptr[i]) || i == 3)
				return 1000;
			q += unit * (param.ptr[i] - '0');
			unit /= 10;
		}
		return q < 1000 ? q : 1000;
	}
	return 1000;
}

/* How exactly range names type: 0 not, 1 as any, 2 by its kind, 3 in full. */
static int
specificity(struct sse_text range, const char *type)
{
	size_t kind = strcspn(type, "/") + 1;

	if (http_same(range, type))
		return 3;
	if (range.len == kind + 1 && range.ptr[kind] == '*' &&
	    strncmp(type, range.ptr, kind) == 0)
		return 2;
	return http_same(range, "*/*") ? 1 : 0;
}

int
http_accepts(const struct http_head *h, const char *type, bool *by_name)
{
	struct http_list it = { 0 };
	struct sse_text member;
	int best = 0, quality = 0;
	bool any = false;

	while (http_list_next(h, "Accept", &it, &member)) {
		int s = specificity(bare(member), type);

		any = true;
		if (s == 0 || s < best)
			continue;
		if (s > best || weight(member) > quality)
			quality = weight(member);
		best = s;
	}
	if (by_name != NULL)
		*by_name = best == 3 && quality > 0;
	return any ? quality : 1000;
}

bool
http_method_is(const struct http_head *h, const char *method)
{
	return h->method.len == strlen(method) &&
	    memcmp(h->method.ptr, method, h->method.len) == 0;
}

bool
http_method_known(const struct http_head *h)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "PUT",
		"DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (http_method_is(h, known[i]))
			return true;
	return false;
}
