#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "command_env.h"

struct env {
	char **list;
	size_t n;
};

static int
add(struct env *e, struct sse_buf *b)
{
	char **longer;

	if (sse_buf_append(b, "", 1) == -1)
		return -1;
	longer = reallocarray(e->list, e->n + 2, sizeof(*longer));
	if (longer == NULL)
		return -1;
	e->list = longer;
	e->list[e->n++] = b->ptr;
	e->list[e->n] = NULL;
	*b = (struct sse_buf){ 0 };
	return 0;
}

/* A value ends at its first NUL, so none may be in it. */
static int
append(struct sse_buf *b, struct sse_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((t.ptr[i] == '\0' ? sse_buf_append(b, "\xef\xbf\xbd", 3)
				      : sse_buf_append(b, t.ptr + i, 1)) == -1)
			return -1;
	return 0;
}

static int
add_text(struct env *e, const char *name, struct sse_text value)
{
	struct sse_buf b = { 0 };

	if (append(&b, text_of(name)) == 0 && append(&b, TEXT("=")) == 0 &&
	    append(&b, value) == 0 && add(e, &b) == 0)
		return 0;
	sse_buf_free(&b);
	return -1;
}

static bool
is_proxy(struct sse_text name)
{
	return name.len > 6 &&
	    strncasecmp(name.ptr + name.len - 6, "_proxy", 6) == 0;
}

/*
 * A URL without its password: user:password@ stands before the last @, which
 * in a password may itself be one.
 */
static int
add_url(struct env *e, const char *variable, const char *value)
{
	const char *at = strrchr(value, '@'), *user = strstr(value, "://");
	const char *colon;
	struct sse_buf b = { 0 };

	user = user == NULL || user > at ? value : user + 3;
	colon = at == NULL ? NULL : memchr(user, ':', (size_t)(at - user));
	if (colon == NULL) {
		colon = at = user;
	} else if (colon == user)
		at++;
	if (append(&b,
		(struct sse_text){ variable, (size_t)(value - variable) }) ==
		0 &&
	    append(&b, (struct sse_text){ value, (size_t)(colon - value) }) ==
		0 &&
	    append(&b, text_of(at)) == 0 && add(e, &b) == 0)
		return 0;
	sse_buf_free(&b);
	return -1;
}

static int
add_ours(struct env *e, const char *variable, const char *secret)
{
	static const char *const told[] = { "SSE_REDIS_PASSWORD", "SSE_EVENT",
		"SSE_ID", "SSE_CHANNEL", "SSE_URL" };
	size_t len = strcspn(variable, "=");
	struct sse_text name = { variable, len };
	struct sse_buf b = { 0 };

	if (variable[len] == '\0' || (secret != NULL && text_is(name, secret)))
		return 0;
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (text_is(name, told[i]))
			return 0;
	if (text_is(name, "SSE_REDIS_URL") || is_proxy(name))
		return add_url(e, variable, variable + len + 1);
	if (append(&b, text_of(variable)) == 0 && add(e, &b) == 0)
		return 0;
	sse_buf_free(&b);
	return -1;
}

char **
command_env(const struct command_event *ev, const char *secret)
{
	struct env e = { 0 };
	int r = 0;

	for (char **v = environ; r == 0 && *v != NULL; v++)
		r = add_ours(&e, *v, secret);
	if (r == 0 && add_text(&e, "SSE_EVENT", ev->type) == 0 &&
	    add_text(&e, "SSE_ID", ev->id) == 0 &&
	    add_text(&e, "SSE_CHANNEL", ev->channel) == 0 &&
	    add_text(&e, "SSE_URL", ev->url) == 0)
		return e.list;
	command_env_free(e.list);
	return NULL;
}

void
command_env_free(char **env)
{
	for (char **v = env; v != NULL && *v != NULL; v++)
		free(*v);
	free(env);
}
