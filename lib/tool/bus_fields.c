#include <stdio.h>

#include "bus_fields.h"

void
bus_fields_add(struct bus_fields *f, const char *name, struct sse_text value)
{
	f->of[f->n].name = name;
	f->of[f->n++].value = value;
}

void
bus_fields_of(struct bus_fields *f, const struct event *ev)
{
	if (ev->match.len > 0)
		bus_fields_add(f, "match", ev->match);
	if (ev->high)
		bus_fields_add(f, "priority", TEXT("high"));
	if (ev->expires_ms >= 0)
		bus_fields_add(
		    f, "expires", event_expires(ev->expires_ms, f->expires));
	if (ev->origin.len > 0)
		bus_fields_add(f, "origin", ev->origin);
	if (ev->via.len > 0)
		bus_fields_add(f, "via", ev->via);
	if (ev->type.len > 0 && !text_is(ev->type, "message"))
		bus_fields_add(f, "event", ev->type);
	if (ev->retry_ms >= 0) {
		snprintf(f->retry, sizeof(f->retry), "%lld",
		    (long long)ev->retry_ms);
		bus_fields_add(f, "retry", text_of(f->retry));
	}
	if (ev->has_data)
		bus_fields_add(f, "data", ev->data);
}

int
bus_fields_put(const struct bus_fields *f, struct bus_args *a)
{
	for (size_t i = 0; i < f->n; i++)
		if (bus_args_text(a, f->of[i].name) == -1 ||
		    bus_args_add(a, f->of[i].value.ptr, f->of[i].value.len) ==
			-1)
			return -1;
	return 0;
}
