#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "topic.h"

int
topic_cmp(struct topic *a, struct topic *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->name, b->name, a->len);
}

RB_GENERATE(topic_tree, topic, by_name, topic_cmp)

struct topic *
topic_find(struct topic_tree *tree, struct sse_text name)
{
	struct topic *t = RB_ROOT(tree);

	while (t != NULL) {
		int cmp = t->len != name.len
		    ? (name.len < t->len ? -1 : 1)
		    : memcmp(name.ptr, t->name, name.len);

		if (cmp == 0)
			return t;
		t = cmp < 0 ? RB_LEFT(t, by_name) : RB_RIGHT(t, by_name);
	}
	return NULL;
}

struct topic *
topic_get(struct topic_tree *tree, struct sse_text name)
{
	struct topic *t = topic_find(tree, name);

	if (t != NULL)
		return t;
	if ((t = calloc(1, sizeof(*t) + name.len + 1)) == NULL)
		return NULL;
	memcpy(t->name, name.ptr, name.len);
	t->len = (uint8_t)name.len;
	RB_INSERT(topic_tree, tree, t);
	return t;
}

void
topic_free(struct topic_tree *tree, struct topic *t)
{
	RB_REMOVE(topic_tree, tree, t);
	free(t);
}
