#include <string.h>

#include "map.h"

static size_t
stars(struct sse_text t)
{
	size_t n = 0;

	for (size_t i = 0; i < t.len; i++)
		n += t.ptr[i] == '*';
	return n;
}

/* With its star read as a letter, is it a channel's name? */
static bool
pattern_valid(struct sse_text t)
{
	char name[CHANNEL_MAX];
	const char *star;

	if (t.len == 0 || t.len > sizeof(name))
		return false;
	memcpy(name, t.ptr, t.len);
	if ((star = memchr(t.ptr, '*', t.len)) != NULL)
		name[star - t.ptr] = 'x';
	return channel_valid((struct sse_text){ name, t.len });
}

int
map_parse(struct map *m, const char *s, const char **fault)
{
	const char *equals = strchr(s, '=');

	*fault = "it is not FROM=TO";
	if (equals == NULL)
		return -1;
	m->from = (struct sse_text){ s, (size_t)(equals - s) };
	m->to = text_of(equals + 1);
	*fault = "there is one * at most on each side";
	if (stars(m->from) > 1 || stars(m->to) > 1)
		return -1;
	*fault = "a * in TO needs one in FROM";
	if (stars(m->to) > stars(m->from))
		return -1;
	*fault = "both sides are names of channels, with or without a *";
	return pattern_valid(m->from) && pattern_valid(m->to) ? 0 : -1;
}

/* Does name match, and what does the star stand for? */
static bool
matches(struct sse_text pattern, struct sse_text name, struct sse_text *rest)
{
	const char *star = memchr(pattern.ptr, '*', pattern.len);
	size_t before, after;

	*rest = TEXT("");
	if (star == NULL)
		return pattern.len == name.len &&
		    memcmp(pattern.ptr, name.ptr, name.len) == 0;
	before = (size_t)(star - pattern.ptr);
	after = pattern.len - before - 1;
	if (name.len < before + after ||
	    memcmp(name.ptr, pattern.ptr, before) != 0 ||
	    memcmp(name.ptr + name.len - after, star + 1, after) != 0)
		return false;
	*rest = (struct sse_text){ name.ptr + before,
		name.len - before - after };
	return true;
}

/* "to" with rest in place of its star; empty when that is no channel. */
static struct sse_text
filled(struct sse_text to, struct sse_text rest, char buf[static CHANNEL_MAX])
{
	const char *star = memchr(to.ptr, '*', to.len);
	size_t before = star != NULL ? (size_t)(star - to.ptr) : to.len;
	size_t after = to.len - before - (star != NULL ? 1 : 0);
	struct sse_text name = { buf, before + after };

	if (star != NULL)
		name.len += rest.len;
	if (name.len > CHANNEL_MAX)
		return TEXT("");
	memcpy(buf, to.ptr, before);
	if (star != NULL) {
		memcpy(buf + before, rest.ptr, rest.len);
		memcpy(buf + before + rest.len, star + 1, after);
	}
	return channel_valid(name) ? name : TEXT("");
}

bool
map_apply(const struct map *maps, size_t n, struct sse_text channel,
    char buf[static CHANNEL_MAX], struct sse_text *to)
{
	struct sse_text rest;

	for (size_t i = 0; i < n && channel.len > 0; i++)
		if (matches(maps[i].from, channel, &rest)) {
			*to = filled(maps[i].to, rest, buf);
			return true;
		}
	return false;
}
