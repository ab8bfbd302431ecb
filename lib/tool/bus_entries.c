#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus_args.h"
#include "bus_entries.h"
#include "json.h"

static int
add_place(struct bus_args *a, struct place p)
{
	char text[PLACE_LEN] = "0-0";
	size_t len = 3;

	if (!place_is_zero(p))
		len = place_format(p, text);
	return bus_args_add(a, text, len);
}

/* The command of own's arguments, unless putting them together failed. */
static int
command(struct bus_args *own, bool fail, struct bus_command *c)
{
	if (!fail)
		return bus_args_command(own, c);
	bus_args_free(own);
	return -1;
}

int
bus_info_command(const char *key, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };

	return command(&a,
	    bus_args_text(&a, "XINFO") == -1 ||
		bus_args_text(&a, "STREAM") == -1 ||
		bus_args_text(&a, key) == -1,
	    c);
}

static void
take_info(struct bus_stream_info *i, struct sse_text name, const redisReply *v)
{
	if (text_is(name, "last-generated-id"))
		i->last = bus_reply_place(v);
	else if (text_is(name, "entries-added") &&
	    v->type == REDIS_REPLY_INTEGER)
		i->added = (uint64_t)v->integer;
	else if (text_is(name, "length") && v->type == REDIS_REPLY_INTEGER)
		i->length = (uint64_t)v->integer;
	else if (text_is(name, "first-entry") && v->type == REDIS_REPLY_ARRAY &&
	    v->elements > 0)
		i->first = bus_reply_place(v->element[0]);
}

enum bus_answer
bus_info_answer(const redisReply *r, struct bus_stream_info *i)
{
	memset(i, 0, sizeof(*i));
	if (r->type == REDIS_REPLY_ERROR &&
	    strncmp(r->str, "ERR no such key", 15) == 0)
		return BUS_OK;
	if (bus_answer_of(r) != BUS_OK)
		return bus_answer_of(r);
	if (r->type != REDIS_REPLY_ARRAY)
		return BUS_REFUSED;
	for (size_t n = 0; n + 1 < r->elements; n += 2)
		take_info(i, bus_reply_text(r->element[n]), r->element[n + 1]);
	return BUS_OK;
}

int
bus_at_command(const char *key, struct place p, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };

	return command(&a,
	    bus_args_text(&a, "XRANGE") == -1 || bus_args_text(&a, key) == -1 ||
		add_place(&a, p) == -1 || add_place(&a, p) == -1,
	    c);
}

enum bus_answer
bus_at_answer(const redisReply *r, bool *there)
{
	if (bus_answer_of(r) != BUS_OK)
		return bus_answer_of(r);
	*there = r->type == REDIS_REPLY_ARRAY && r->elements > 0;
	return r->type == REDIS_REPLY_ARRAY ? BUS_OK : BUS_REFUSED;
}

static bool
begin_read(struct bus_args *a, const struct bus_read *b)
{
	if (b->group == NULL)
		return bus_args_text(a, "XREAD") == 0;
	return bus_args_text(a, "XREADGROUP") == 0 &&
	    bus_args_text(a, "GROUP") == 0 && bus_args_text(a, b->group) == 0 &&
	    bus_args_text(a, b->consumer) == 0;
}

int
bus_read_command(
    const struct bus_read *b, struct place after, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };
	bool fresh = b->group != NULL && !b->pending;
	bool fail = !begin_read(&a, b) || bus_args_text(&a, "COUNT") == -1 ||
	    bus_args_number(&a, BUS_ENTRIES_MAX) == -1;

	if (!b->pending)
		fail = fail || bus_args_text(&a, "BLOCK") == -1 ||
		    bus_args_number(&a, (uint64_t)b->wait_ms) == -1;
	fail = fail || bus_args_text(&a, "STREAMS") == -1 ||
	    bus_args_text(&a, b->key) == -1 ||
	    (fresh ? bus_args_text(&a, ">") : add_place(&a, after)) == -1;
	return command(&a, fail, c);
}

/* The entries of the one stream that was asked for; NULL: no such answer. */
static const redisReply *
entries(const redisReply *r)
{
	const redisReply *one;

	if (r->type != REDIS_REPLY_ARRAY || r->elements != 1)
		return NULL;
	one = r->element[0];
	if (one->type != REDIS_REPLY_ARRAY || one->elements != 2 ||
	    one->element[1]->type != REDIS_REPLY_ARRAY)
		return NULL;
	return one->element[1];
}

enum bus_answer
bus_read_answer(const redisReply *r, size_t *n)
{
	const redisReply *list;

	*n = 0;
	if (bus_answer_of(r) != BUS_OK)
		return bus_answer_of(r);
	if (r->type == REDIS_REPLY_NIL)
		return BUS_OK;
	if ((list = entries(r)) == NULL)
		return BUS_REFUSED;
	*n = list->elements;
	return BUS_OK;
}

/* All fields as an object.  json_encode_text() quotes. */
static int
fields_object(const redisReply *fields, struct sse_buf *json)
{
	if (sse_buf_append(json, "{", 1) == -1)
		return -1;
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if ((i > 0 && sse_buf_append(json, ",", 1) == -1) ||
		    json_encode_text(
			json, bus_reply_text(fields->element[i])) == -1 ||
		    sse_buf_append(json, ":", 1) == -1 ||
		    json_encode_text(
			json, bus_reply_text(fields->element[i + 1])) == -1)
			return -1;
	return sse_buf_append(json, "}", 1);
}

/* Bytes that are no UTF-8 are read as any decoder would read them. */
static int
mend(struct sse_buf *b, struct sse_text *t)
{
	struct sse_buf clean = { NULL, 0, 0 };

	if (sse_utf8_valid(t->ptr, t->len) == t->len)
		return 0;
	if (sse_utf8_append(&clean, t->ptr, t->len) == -1) {
		sse_buf_free(&clean);
		return -1;
	}
	sse_buf_free(b);
	*b = clean;
	*t = (struct sse_text){ b->ptr, b->len };
	return 0;
}

static void
take_retry(struct event *ev, struct sse_text t)
{
	int64_t ms = 0;

	for (size_t i = 0; i < t.len; i++) {
		if (t.ptr[i] < '0' || t.ptr[i] > '9')
			return;
		if (ms < SSE_RETRY_MAX_MS)
			ms = ms * 10 + (t.ptr[i] - '0');
	}
	if (t.len > 0)
		ev->retry_ms = ms < SSE_RETRY_MAX_MS ? ms : SSE_RETRY_MAX_MS;
}

/* A field that is not as an event has it is another's, and left alone. */
static void
take_field(struct event *ev, struct sse_text name, struct sse_text value)
{
	if (text_is(name, "data"))
		ev->data = value;
	else if (text_is(name, "event"))
		ev->type = text_is(value, "message") ? TEXT("") : value;
	else if (text_is(name, "id")) {
		if (value.len > 0)
			ev->id = value;
	} else if (text_is(name, "retry"))
		take_retry(ev, value);
	else
		(void)event_set_field(ev, name, value);
}

static bool
has_data(const redisReply *fields)
{
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (text_is(bus_reply_text(fields->element[i]), "data"))
			return true;
	return false;
}

static int
read_entry(const redisReply *e, struct sse_buf *json, struct event *ev,
    struct place *place)
{
	const redisReply *fields;

	if (e->type != REDIS_REPLY_ARRAY || e->elements != 2)
		return 1;
	*place = bus_reply_place(e->element[0]);
	fields = e->element[1];
	if (fields->type != REDIS_REPLY_ARRAY)
		return 1;
	*ev = EVENT_NONE;
	ev->id = bus_reply_text(e->element[0]);
	ev->has_id = ev->has_data = true;
	json->len = 0;
	if (!has_data(fields)) {
		if (fields_object(fields, json) == -1)
			return -1;
		ev->data = (struct sse_text){ json->ptr, json->len };
		return mend(json, &ev->data);
	}
	for (size_t n = 0; n + 1 < fields->elements; n += 2)
		take_field(ev, bus_reply_text(fields->element[n]),
		    bus_reply_text(fields->element[n + 1]));
	return mend(json, &ev->data);
}

int
bus_read_entry(const redisReply *r, size_t i, struct sse_buf *json,
    struct event *ev, struct place *place)
{
	return read_entry(entries(r)->element[i], json, ev, place);
}

int
bus_group_command(
    const char *key, const char *group, bool start, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };

	return command(&a,
	    bus_args_text(&a, "XGROUP") == -1 ||
		bus_args_text(&a, "CREATE") == -1 ||
		bus_args_text(&a, key) == -1 ||
		bus_args_text(&a, group) == -1 ||
		bus_args_text(&a, start ? "0" : "$") == -1 ||
		bus_args_text(&a, "MKSTREAM") == -1,
	    c);
}

enum bus_answer
bus_group_answer(const redisReply *r)
{
	if (r->type == REDIS_REPLY_ERROR &&
	    strncmp(r->str, "BUSYGROUP", 9) == 0)
		return BUS_OK;
	return bus_answer_of(r);
}

int
bus_claim_command(const struct bus_read *b, int64_t idle_ms, struct place from,
    struct bus_command *c)
{
	struct bus_args a = { .n = 0 };

	return command(&a,
	    bus_args_text(&a, "XAUTOCLAIM") == -1 ||
		bus_args_text(&a, b->key) == -1 ||
		bus_args_text(&a, b->group) == -1 ||
		bus_args_text(&a, b->consumer) == -1 ||
		bus_args_number(&a, (uint64_t)idle_ms) == -1 ||
		add_place(&a, from) == -1 || bus_args_text(&a, "COUNT") == -1 ||
		bus_args_number(&a, BUS_ENTRIES_MAX) == -1,
	    c);
}

/* What the nth element of the answer has: entries, or the places of gone ones. */
static size_t
claimed(const redisReply *r, size_t n)
{
	return n < r->elements && r->element[n]->type == REDIS_REPLY_ARRAY
	    ? r->element[n]->elements
	    : 0;
}

enum bus_answer
bus_claim_answer(const redisReply *r, struct place *next, size_t *n)
{
	*n = 0;
	*next = PLACE_ZERO;
	if (bus_answer_of(r) != BUS_OK)
		return bus_answer_of(r);
	if (r->type != REDIS_REPLY_ARRAY || r->elements < 2)
		return BUS_REFUSED;
	*next = bus_reply_place(r->element[0]);
	*n = claimed(r, 1) + claimed(r, 2);
	return BUS_OK;
}

int
bus_claim_entry(const redisReply *r, size_t i, struct sse_buf *json,
    struct event *ev, struct place *place)
{
	*place = PLACE_ZERO;
	if (i < claimed(r, 1))
		return read_entry(r->element[1]->element[i], json, ev, place);
	*place = bus_reply_place(r->element[2]->element[i - claimed(r, 1)]);
	return 1;
}

int
bus_ack_command(const char *key, const char *group, const struct place *p,
    size_t n, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };
	bool fail = bus_args_text(&a, "XACK") == -1 ||
	    bus_args_text(&a, key) == -1 || bus_args_text(&a, group) == -1;

	for (size_t i = 0; i < n && !fail; i++)
		fail = add_place(&a, p[i]) == -1;
	return command(&a, fail, c);
}
