#include <err.h>
#include <errno.h>

#include "arrival.h"
#include "hub.h"
#include "units.h"

void
arrival_foreign(struct hub *h, struct sse_text channel, const char *what)
{
	h->counters.foreign++;
	if (hush_says(&h->hush, clock_unix_ms()))
		warnx("Redis: channel %.*s: %s; passed over", (int)channel.len,
		    channel.ptr, what);
}

/* A message without an ID may come from anyone. */
static const char *
fault_of_raw(const struct hub *h, const struct event *ev)
{
	if (ev->data.len > h->conf->max_event)
		return "a message larger than --max-event";
	if (sse_utf8_valid(ev->data.ptr, ev->data.len) != ev->data.len)
		return "a message that is not UTF-8";
	return NULL;
}

struct message *
arrival_message(struct hub *h, struct bus_entry *e, struct sse_text channel)
{
	const char *fault = place_is_zero(e->place) ? fault_of_raw(h, &e->ev)
						    : NULL;
	struct message *m = NULL;

	e->ev.channel = channel;
	if (fault == NULL && event_type_reserved(&e->ev))
		fault = "an event of a type that is ours alone";
	if (fault == NULL &&
	    (m = message_new(&h->scratch, &e->ev, e->place, e->prev)) == NULL &&
	    errno == EINVAL)
		fault = "an event that cannot be told";
	if (fault != NULL) {
		arrival_foreign(h, channel, fault);
		errno = EINVAL;
	}
	return m;
}
