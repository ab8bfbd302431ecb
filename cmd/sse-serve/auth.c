#include <string.h>

#include "auth.h"
#include "event.h"

static const struct sse_text everyones[] = { { "broadcast", 9 } };

struct identity
auth_anonymous(bool admin)
{
	return (struct identity){ .own = everyones, .nown = 1, .admin = admin };
}

static bool
is_own(const struct identity *id, struct sse_text channel)
{
	for (size_t i = 0; i < id->nown; i++)
		if (id->own[i].len == channel.len &&
		    memcmp(id->own[i].ptr, channel.ptr, channel.len) == 0)
			return true;
	return false;
}

bool
auth_may_read(const struct identity *id, struct sse_text channel)
{
	return id->admin || !channel_reserved(channel) || is_own(id, channel);
}

bool
auth_may_publish(const struct identity *id, struct sse_text channel, bool open)
{
	if (id->admin)
		return !text_is(channel, "presence");
	return open &&
	    (!channel_reserved(channel) || text_is(channel, "broadcast"));
}
