#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "reason.h"
#include "visible.h"

/* What stands before the parameters: is it one of those? */
static bool
is_type(const char *type, const char *name)
{
	size_t len = strlen(name);

	return strncasecmp(type, name, len) == 0 &&
	    (type[len] == '\0' || strchr("; \t", type[len]) != NULL);
}

static bool
is_json(const char *type)
{
	return is_type(type, "application/problem+json") ||
	    is_type(type, "application/json");
}

static const char *
member(const json_t *object)
{
	static const char *const names[] = { "detail", "title", "message",
		"error" };
	const char *text = NULL;

	for (size_t i = 0; text == NULL && i < sizeof(names) / sizeof(names[0]);
	     i++)
		text = json_string_value(json_object_get(object, names[i]));
	return text;
}

static struct sse_text
first_line(struct sse_text t)
{
	size_t len = 0;

	while (len < t.len && t.ptr[len] != '\n' && t.ptr[len] != '\r')
		len++;
	return (struct sse_text){ t.ptr, len };
}

const char *
reason_of(const char *type, struct sse_text body, char buf[static REASON_LEN])
{
	const char *text;
	json_t *root;

	if (type != NULL && is_type(type, "text/plain"))
		return visible_line(first_line(body), buf, REASON_LEN);
	if (type == NULL || !is_json(type))
		return "";
	root = json_loadb(body.ptr, body.len, 0, NULL);
	if ((text = member(root)) == NULL)
		text = member(json_object_get(root, "error"));
	(void)visible_line(first_line(text_of(text)), buf, REASON_LEN);
	json_decref(root);
	return buf;
}
