#include <stdlib.h>
#include <string.h>

#include "named.h"
#include "predicate.h"

int
predicate_new(struct predicate **to, const struct sse_text *types,
    size_t ntypes, const struct texts *labels)
{
	struct predicate *p;

	*to = NULL;
	if (ntypes == 0 && labels->n == 0)
		return 0;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return -1;
	p->labels = *labels;
	if (ntypes > 0 && (p->types = calloc(ntypes, sizeof(*types))) == NULL) {
		predicate_free(p);
		return -1;
	}
	for (; p->ntypes < ntypes; p->ntypes++) {
		p->types[p->ntypes] = name_dup(types[p->ntypes]);
		if (p->types[p->ntypes].ptr == NULL) {
			predicate_free(p);
			return -1;
		}
	}
	*to = p;
	return 0;
}

void
predicate_free(struct predicate *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->ntypes; i++)
		free((char *)(uintptr_t)p->types[i].ptr);
	free(p->types);
	free(p);
}

static bool
has(const struct sse_text *v, size_t n, struct sse_text t)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].len == t.len && memcmp(v[i].ptr, t.ptr, t.len) == 0)
			return true;
	return false;
}

bool
labels_match(const struct texts *labels, struct sse_text match)
{
	while (match.len > 0) {
		const char *space = memchr(match.ptr, ' ', match.len);
		struct sse_text word = match;
		size_t skip;

		if (space != NULL)
			word.len = (size_t)(space - match.ptr);
		if (!has(labels->v, labels->n, word))
			return false;
		skip = word.len + (space != NULL);
		match.ptr += skip;
		match.len -= skip;
	}
	return true;
}

bool
predicate_passes(const struct predicate *p, unsigned int show,
    const struct message *m, int64_t now_ms)
{
	static const struct texts none = { NULL, 0 };
	struct sse_text type = message_type(m);

	if (m->expires_ms >= 0 && m->expires_ms <= now_ms)
		return false;
	/* Who may see all fields may see it. */
	if (m->has_match && !(show & SHOW_ROUTING) &&
	    !labels_match(p == NULL ? &none : &p->labels, message_match(m)))
		return false;
	if (p == NULL || p->ntypes == 0)
		return true;
	if (type.len == 0)
		type = TEXT("message");
	return has(p->types, p->ntypes, type);
}
