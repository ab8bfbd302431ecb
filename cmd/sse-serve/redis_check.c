#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "conf.h"
#include "redis_check.h"
#include "redis_link.h"
#include "units.h"

#define START_MS 5000 /* to reach Redis at the start */
#define FAULT_MAX 256

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

/* The value of a line NAME:VALUE of what INFO answers; length 0: none. */
static struct sse_text
value_of(struct sse_text info, const char *name)
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

	snprintf(text + len, FAULT_MAX - len, "%s%s is %.*s",
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
			v = value_of(info, settings[s].info);
		if (v.len > 0 && !text_is(v, settings[s].info_want))
			complain(text, settings[s].info, v);
	}
}

/* Writes what is wrong; nothing where all is well, or this user may not know. */
static void
check(struct redis_link *l, int64_t deadline_ms, char text[FAULT_MAX])
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
		if (text_is(value_of(t, "role"), "slave"))
			strlcpy(text,
			    "it is a replica, to which nothing can "
			    "be published",
			    FAULT_MAX);
	}
	freeReplyObject(r);
}

int
redis_check(const struct conf *conf)
{
	struct redis_link *link = redis_link_new(&conf->redis);
	char wrong[FAULT_MAX] = "";
	enum redis_link_state state;

	if (link == NULL)
		return EX_SOFTWARE;
	redis_link_set_home(link, conf->bus.prefix);
	state = redis_link_open(link, clock_mono_ms() + START_MS);
	if (state != REDIS_LINK_OK)
		warnx("%s", redis_link_fault(link));
	else if (conf->verbose >= 0)
		check(link, clock_mono_ms() + START_MS, wrong);
	if (*wrong != '\0')
		warnx("%s: %s (sse-redis(7))", conf->redis.shown, wrong);
	redis_link_free(link);
	return redis_link_status(state);
}
