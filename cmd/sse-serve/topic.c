#include <stdlib.h>

#include "topic.h"

struct topic *
topic_get(struct named_tree *tree, struct sse_text name)
{
	struct topic *t = named_find(tree, name);

	if (t != NULL || (t = named_new(sizeof(*t), name)) == NULL)
		return t;
	named_insert(tree, &t->named);
	return t;
}

void
topic_free(struct named_tree *tree, struct topic *t)
{
	named_remove(tree, &t->named);
	free(t);
}
