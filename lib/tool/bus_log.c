#include <stdlib.h>
#include <string.h>

#include "bus_args.h"

static const redisReply none = { .type = REDIS_REPLY_NIL };

/* The nth element of an array, or one that is nothing. */
static const redisReply *
element(const redisReply *r, size_t n)
{
	return r->type == REDIS_REPLY_ARRAY && n < r->elements ? r->element[n]
							       : &none;
}

static size_t
elements(const redisReply *r)
{
	return r->type == REDIS_REPLY_ARRAY ? r->elements : 0;
}

enum bus_answer
bus_attach_answer(const redisReply *r, struct bus_attached *a)
{
	enum bus_answer answer = bus_answer_of(r);

	if (answer != BUS_OK)
		return answer;
	if (elements(r) < 2)
		return BUS_REFUSED;
	a->last = bus_reply_place(element(r, 0));
	a->birth = bus_reply_place(element(r, 1));
	a->nlogs = elements(r) - 2;
	return BUS_OK;
}

struct sse_text
bus_log_channel(const redisReply *r, size_t log)
{
	return bus_reply_text(element(element(r, log + 2), 0));
}

struct place
bus_log_top(const redisReply *r, size_t log)
{
	return bus_reply_place(element(element(r, log + 2), 1));
}

size_t
bus_log_count(const redisReply *r, size_t log)
{
	return elements(element(element(r, log + 2), 2));
}

bool
bus_log_is_foreign(const redisReply *r, size_t log)
{
	return elements(element(r, log + 2)) > 3;
}

int
bus_log_entry(const redisReply *r, size_t log, size_t i, struct bus_entry *e)
{
	if (bus_page_entry(element(element(r, log + 2), 2), i, e) == -1)
		return -1;
	e->ev.channel = bus_log_channel(r, log);
	return 0;
}

size_t
bus_page_bytes(const redisReply *r)
{
	size_t bytes = 0;

	for (size_t i = 0; i < elements(r); i++) {
		const redisReply *fields = element(element(r, i), 1);

		for (size_t j = 0; j < elements(fields); j++)
			bytes += bus_reply_text(fields->element[j]).len;
	}
	return bytes;
}

size_t
bus_log_bytes(const redisReply *r, size_t log)
{
	return bus_page_bytes(element(element(r, log + 2), 2));
}

enum bus_answer
bus_page_answer(const redisReply *r, size_t *count)
{
	enum bus_answer answer = bus_answer_of(r);

	if (answer != BUS_OK)
		return answer;
	*count = elements(r);
	return r->type == REDIS_REPLY_ARRAY ? BUS_OK : BUS_REFUSED;
}

/* A retry that is no number is passed over, as in an event stream. */
static void
set_retry(struct event *ev, struct sse_text value)
{
	int64_t ms = 0;

	if (value.len == 0)
		return;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return;
		if (ms < SSE_RETRY_MAX_MS)
			ms = ms * 10 + (value.ptr[i] - '0');
	}
	ev->retry_ms = ms < SSE_RETRY_MAX_MS ? ms : SSE_RETRY_MAX_MS;
}

/* A routing field that is malformed is as if it were not there. */
static void
set_field(struct bus_entry *e, struct sse_text name, struct sse_text value)
{
	if (text_is(name, "data")) {
		e->ev.data = value;
		e->ev.has_data = true;
	} else if (text_is(name, "prev"))
		place_parse(value.ptr, value.len, &e->prev);
	else if (text_is(name, "event"))
		e->ev.type = value;
	else if (text_is(name, "id"))
		e->ev.id = value;
	else if (text_is(name, "retry"))
		set_retry(&e->ev, value);
	else if (!text_is(name, "channel"))
		event_set_field(&e->ev, name, value);
}

int
bus_page_entry(const redisReply *r, size_t i, struct bus_entry *e)
{
	const redisReply *entry = element(r, i), *fields = element(entry, 1);

	*e = (struct bus_entry){ EVENT_NONE, PLACE_ZERO, PLACE_ZERO };
	e->place = bus_reply_place(element(entry, 0));
	if (place_is_zero(e->place) || fields->type != REDIS_REPLY_ARRAY)
		return -1;
	e->ev.id = bus_reply_text(element(entry, 0));
	e->ev.has_id = true;
	for (size_t j = 0; j + 1 < fields->elements; j += 2)
		set_field(e, bus_reply_text(fields->element[j]),
		    bus_reply_text(fields->element[j + 1]));
	return 0;
}
