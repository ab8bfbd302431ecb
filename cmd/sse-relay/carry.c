#include <string.h>

#include "carry.h"
#include "gap.h"
#include "name.h"

void
carry_free(struct carry *c)
{
	sse_buf_free(&c->via);
}

static bool
is_own(const struct event *ev)
{
	return ev->type.len >= 4 && memcmp(ev->type.ptr, "sse:", 4) == 0 &&
	    !gap_is(ev);
}

static int
append_name(struct carry *c, struct event *ev)
{
	c->via.len = 0;
	if (ev->via.len > 0 &&
	    (sse_buf_append(&c->via, ev->via.ptr, ev->via.len) == -1 ||
		sse_buf_append(&c->via, " ", 1) == -1))
		return -1;
	if (sse_buf_append(&c->via, c->name, strlen(c->name)) == -1)
		return -1;
	ev->via = (struct sse_text){ c->via.ptr, c->via.len };
	return 0;
}

enum carry_what
carry_look(const struct carry *c, const struct event *ev, int64_t now_ms)
{
	if (!ev->has_data || is_own(ev))
		return CARRY_NOTHING;
	if (name_in(c->name, ev->via))
		return CARRY_LOOP;
	if (ev->expires_ms >= 0 && ev->expires_ms < now_ms)
		return CARRY_EXPIRED;
	return CARRY_ON;
}

/* Its channel by the maps, else by the sink.  False: what a map made is none. */
static bool
set_channel(struct carry *c, struct event *ev)
{
	struct sse_text to;

	if (map_apply(c->maps, c->nmaps, ev->channel, c->to, &to)) {
		if (to.len == 0)
			return false;
		ev->channel = to;
	} else if (c->channel != NULL)
		ev->channel = text_of(c->channel);
	return true;
}

enum carry_what
carry_event(struct carry *c, struct event *ev, const char **fault)
{
	if (!set_channel(c, ev)) {
		*fault = "what --map makes of its channel is no channel";
		return CARRY_BAD;
	}
	if (c->routed && ev->channel.len == 0) {
		*fault = "no channel, and the sink names none: name one there, "
			 "as in redis:news";
		return CARRY_LOST;
	}
	if (append_name(c, ev) == -1)
		return CARRY_NOMEM;
	if ((*fault = c->fault(ev)) != NULL)
		return CARRY_BAD;
	if (c->mint && ev->has_id) {
		if (ev->id.len > 0)
			ev->origin = ev->id;
		ev->has_id = false;
		ev->id = (struct sse_text){ NULL, 0 };
	}
	return CARRY_ON;
}
