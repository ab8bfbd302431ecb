#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "follow.h"
#include "mark.h"
#include "source.h"
#include "visible.h"

struct source_http {
	struct source source;
	struct follow_conf conf;
	struct follow *follow;
	const char *shown;
	char *start;         /* the last event ID to begin with */
	unsigned int losses; /* of the connection since it was open */
	char say[512];
};

static struct source_http *
of(struct source *s)
{
	return (struct source_http *)(void *)s;
}

/* An ID named in a gap's data, fit for a message. */
static const char *
member(json_t *root, const char *name, char buf[static SHOWN_BYTES])
{
	json_t *v = json_object_get(root, name);

	if (!json_is_string(v) || json_string_length(v) == 0)
		return "none";
	return visible_line(
	    (struct sse_text){ json_string_value(v), json_string_length(v) },
	    buf, SHOWN_BYTES);
}

static void
say_gap(struct source_http *sh, struct sse_text data)
{
	json_t *root = json_loadb(data.ptr, data.len, 0, NULL);
	char after[SHOWN_BYTES], oldest[SHOWN_BYTES];

	snprintf(sh->say, sizeof(sh->say),
	    "%s: gap: events behind %s are lost, the oldest kept is %s",
	    sh->shown, member(root, "after", after),
	    member(root, "oldest", oldest));
	json_decref(root);
}

/* Servers close long streams as a matter of course; the second loss counts. */
static bool
out_of_reach(struct source_http *sh)
{
	snprintf(sh->say, sizeof(sh->say), "%s", follow_fault(sh->follow));
	return ++sh->losses == 2;
}

static enum source_what
http_next(struct source *s, struct event *ev)
{
	struct source_http *sh = of(s);

	for (;;) {
		switch (follow_next(sh->follow, ev)) {
		case FOLLOW_WAIT:
			return SOURCE_WAIT;
		case FOLLOW_EVENT:
			if (!text_is(ev->type, "sse:gap"))
				return SOURCE_EVENT;
			say_gap(sh, ev->data);
			return SOURCE_GAP;
		case FOLLOW_DROPPED:
			snprintf(sh->say, sizeof(sh->say), "%s",
			    follow_fault(sh->follow));
			return SOURCE_GAP;
		case FOLLOW_OPEN:
			sh->losses = 0;
			return SOURCE_OPEN;
		case FOLLOW_LOST:
			if (out_of_reach(sh))
				return SOURCE_LOST;
			break;
		case FOLLOW_END:
			return SOURCE_END;
		case FOLLOW_FAULT:
			snprintf(sh->say, sizeof(sh->say), "%s",
			    follow_fault(sh->follow));
			return SOURCE_FAULT;
		}
	}
}

static int
http_wait(
    struct source *s, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	return follow_wait(of(s)->follow, extra, n, timeout_ms);
}

static struct sse_text
http_mark(struct source *s)
{
	return follow_last_id(of(s)->follow);
}

static int
http_rewind(struct source *s, struct sse_text mark)
{
	return follow_rewind(of(s)->follow, mark);
}

static const char *
http_say(struct source *s)
{
	return of(s)->say;
}

static const char *
http_where(struct source *s)
{
	return of(s)->shown;
}

static int
http_status(struct source *s)
{
	return follow_status(of(s)->follow);
}

static void
http_free(struct source *s)
{
	follow_free(of(s)->follow);
	free(of(s)->start);
	free(of(s));
}

static const struct source_ops ops = {
	.next = http_next,
	.wait = http_wait,
	.mark = http_mark,
	.rewind = http_rewind,
	.say = http_say,
	.where = http_where,
	.status = http_status,
	.free = http_free,
};

struct source *
source_http_new(
    const struct endpoint *e, struct sse_text mark, size_t max_bytes)
{
	struct source_http *sh = calloc(1, sizeof(*sh));

	if (sh == NULL)
		return NULL;
	sh->source.ops = &ops;
	sh->source.resumable = true;
	sh->shown = e->shown;
	if ((sh->start = strndup(mark.len > 0 ? mark.ptr : "", mark.len)) ==
	    NULL) {
		http_free(&sh->source);
		return NULL;
	}
	sh->conf = (struct follow_conf){
		.url = e->text,
		.last_id = mark.len > 0 ? sh->start : NULL,
		.max_bytes = max_bytes,
		.reconnect = true,
		.ask_place = true,
		.show = "channel",
	};
	if ((sh->follow = follow_new(&sh->conf)) == NULL) {
		http_free(&sh->source);
		return NULL;
	}
	return &sh->source;
}
