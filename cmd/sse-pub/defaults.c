#include "defaults.h"

static void
fill_text(struct sse_text *t, struct sse_text from)
{
	if (t->len == 0)
		*t = from;
}

void
defaults_fill(const struct defaults *d, struct event *ev, int64_t now_ms)
{
	fill_text(&ev->channel, d->ev.channel);
	fill_text(&ev->type, d->ev.type);
	fill_text(&ev->match, d->ev.match);
	if (!ev->has_id && d->ev.has_id) {
		ev->id = d->ev.id;
		ev->has_id = true;
	}
	if (ev->retry_ms == -1)
		ev->retry_ms = d->ev.retry_ms;
	if (ev->expires_ms == -1 && d->expires_in_ms != -1)
		ev->expires_ms = now_ms + d->expires_in_ms;
	ev->high = ev->high || d->ev.high;
}
