#include <stdlib.h>
#include <string.h>

#include "named.h"

int
named_cmp(struct sse_text a, struct sse_text b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return memcmp(a.ptr, b.ptr, a.len);
}

static int
node_cmp(struct named *a, struct named *b)
{
	return named_cmp(a->name, b->name);
}

RB_GENERATE_INTERNAL(
    named_tree, named, by_name, node_cmp, static __attribute__((unused)))

void *
named_new(size_t size, struct sse_text name)
{
	struct named *n = calloc(1, size + name.len + 1);
	char *text;

	if (n == NULL)
		return NULL;
	text = (char *)n + size;
	memcpy(text, name.ptr, name.len);
	n->name = (struct sse_text){ text, name.len };
	return n;
}

void *
named_find(const struct named_tree *t, struct sse_text name)
{
	struct named *n = RB_ROOT(t);
	int cmp;

	while (n != NULL && (cmp = named_cmp(name, n->name)) != 0)
		n = cmp < 0 ? RB_LEFT(n, by_name) : RB_RIGHT(n, by_name);
	return n;
}

void
named_insert(struct named_tree *t, struct named *n)
{
	RB_INSERT(named_tree, t, n);
}

void
named_remove(struct named_tree *t, struct named *n)
{
	RB_REMOVE(named_tree, t, n);
}

void *
named_first(struct named_tree *t)
{
	return RB_MIN(named_tree, t);
}

void *
named_next(struct named *n)
{
	return RB_NEXT(named_tree, , n);
}

struct sse_text
name_dup(struct sse_text name)
{
	char *copy = malloc(name.len + 1);

	if (copy == NULL)
		return (struct sse_text){ NULL, 0 };
	memcpy(copy, name.ptr, name.len);
	copy[name.len] = '\0';
	return (struct sse_text){ copy, name.len };
}
