#include <string.h>

#include "carry.h"
#include "name.h"

void
carry_free(struct carry *c)
{
	sse_buf_free(&c->via);
}

static bool
is_own(struct sse_text type)
{
	return type.len >= 4 && memcmp(type.ptr, "sse:", 4) == 0;
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
carry_event(
    struct carry *c, struct event *ev, int64_t now_ms, const char **fault)
{
	if (!ev->has_data || is_own(ev->type) || name_in(c->name, ev->via) ||
	    (ev->expires_ms >= 0 && ev->expires_ms < now_ms))
		return CARRY_DROP;
	if (c->channel != NULL)
		ev->channel = text_of(c->channel);
	if (c->routed && ev->channel.len == 0) {
		*fault = "no channel, and the sink names none: name one there, "
			 "as in redis:news";
		return CARRY_LOST;
	}
	if ((*fault = event_fault(ev)) != NULL)
		return CARRY_BAD;
	if (c->mint && ev->has_id) {
		if (ev->id.len > 0)
			ev->origin = ev->id;
		ev->has_id = false;
		ev->id = (struct sse_text){ NULL, 0 };
	}
	return append_name(c, ev) == 0 ? CARRY_ON : CARRY_NOMEM;
}
