#include <stdio.h>
#include <string.h>

#include "redis_check.h"

/* What it has to be, and the line of INFO that says so too, or nearly. */
static const struct {
	const char *name, *want, *info, *info_want;
} settings[] = {
	{ "appendonly", "yes", "aof_enabled", "1" },
	{ "appendfsync", "always", NULL, NULL },
	{ "maxmemory-policy", "noeviction", "maxmemory_policy", "noeviction" },
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* NULL: it did not answer. */
static redisReply *
ask(struct redis_link *l, int64_t deadline_ms, int argc, const char **argv)
{
	size_t len[2 + SETTINGS];
	struct bus_command c = { argc, argv, len, { NULL, 0, 0 } };
	redisReply *r = NULL;

	for (int i = 0; i < argc; i++)
		len[i] = strlen(argv[i]);
	if (redis_link_send(l, &c) != REDIS_LINK_OK ||
	    redis_link_reply(l, &r, deadline_ms) != REDIS_LINK_OK)
		return NULL;
	return r;
}

struct sse_text
redis_check_info(struct sse_text info, const char *name)
{
	const char *line = info.ptr, *end = info.ptr + info.len;
	size_t len = strlen(name);

	while (line < end) {
		const char *stop = memchr(line, '\r', (size_t)(end - line));

		stop = stop != NULL ? stop : end;
		if ((size_t)(stop - line) > len && line[len] == ':' &&
		    memcmp(line, name, len) == 0)
			return (struct sse_text){ line + len + 1,
				(size_t)(stop - line) - len - 1 };
		line = stop + 2;
	}
	return text_of("");
}

static void
complain(char *text, const char *name, struct sse_text value)
{
	size_t len = strlen(text);

	snprintf(text + len, REDIS_CHECK_MAX - len, "%s%s is %.*s",
	    len == 0 ? "acknowledged events may be lost in a crash, for "
		     : ", ",
	    name, (int)value.len, value.ptr);
}

/* What CONFIG GET answers: names and values in turn.  False: no answer. */
static bool
look_at_config(const redisReply *r, char *text)
{
	if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements == 0)
		return false;
	for (size_t s = 0; s < SETTINGS; s++)
		for (size_t i = 0; i + 1 < r->elements; i += 2) {
			const redisReply *v = r->element[i + 1];

			if (strcmp(r->element[i]->str, settings[s].name) == 0 &&
			    strcmp(v->str, settings[s].want) != 0)
				complain(
				    text, settings[s].name, text_of(v->str));
		}
	return true;
}

static void
look_at_info(struct sse_text info, char *text)
{
	for (size_t s = 0; s < SETTINGS; s++) {
		struct sse_text v = TEXT("");

		if (settings[s].info != NULL)
			v = redis_check_info(info, settings[s].info);
		if (v.len > 0 && !text_is(v, settings[s].info_want))
			complain(text, settings[s].info, v);
	}
}

void
redis_check(
    struct redis_link *l, int64_t deadline_ms, char text[REDIS_CHECK_MAX])
{
	const char *config[2 + SETTINGS] = { "CONFIG", "GET" };
	const char *info[1] = { "INFO" };
	redisReply *r;
	bool known;

	text[0] = '\0';
	for (size_t i = 0; i < SETTINGS; i++)
		config[2 + i] = settings[i].name;
	r = ask(l, deadline_ms, 2 + SETTINGS, config);
	known = look_at_config(r, text);
	freeReplyObject(r);
	if ((r = ask(l, deadline_ms, 1, info)) != NULL &&
	    r->type == REDIS_REPLY_STRING) {
		struct sse_text t = { r->str, r->len };

		if (!known)
			look_at_info(t, text);
		if (text_is(redis_check_info(t, "role"), "slave"))
			strlcpy(text,
			    "it is a replica, to which nothing can "
			    "be published",
			    REDIS_CHECK_MAX);
	}
	freeReplyObject(r);
}
