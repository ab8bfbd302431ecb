#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cost.h"
#include "message.h"

#define ID "id"
#define AHEAD "ahead"

/* The standard's part of the block; at_type and at_id point into it. */
static int
encode_plain(struct sse_buf *b, const struct event *ev, struct message *m,
    struct place place)
{
	char minted[PLACE_LEN];
	struct sse_event out = { .type = ev->type,
		.data = ev->data,
		.id = ev->id,
		.retry_ms = ev->retry_ms,
		.has = SSE_HAS_DATA };

	if (!place_is_zero(place)) {
		if (!ev->has_id)
			out.id = (struct sse_text){ minted,
				place_format(place, minted) };
		out.has |= SSE_HAS_ID;
		m->id_len = (uint32_t)out.id.len;
	}
	if (ev->retry_ms >= 0)
		out.has |= SSE_HAS_RETRY;
	m->type_len = text_is(ev->type, "message") ? 0 : (uint32_t)ev->type.len;
	return sse_encode_event(b, &out);
}

/* Where the value of the line "name: value" stands in the plain part. */
static uint32_t
find_value(const struct sse_buf *b, size_t from, const char *name)
{
	size_t len = strlen(name);

	/* Lines are short but for data, which comes last. */
	for (size_t i = from; i + len + 2 <= b->len;) {
		const char *lf;

		if (memcmp(b->ptr + i, name, len) == 0 &&
		    b->ptr[i + len] == ':')
			return (uint32_t)(i + len + 2);
		if ((lf = memchr(b->ptr + i, '\n', b->len - i)) == NULL)
			break;
		i = (size_t)(lf - b->ptr) + 1;
	}
	return (uint32_t)from;
}

static int
encode(struct sse_buf *b, const struct event *ev, struct message *m,
    struct place place)
{
	b->len = 0;
	if (event_encode_routing(b, ev) == -1)
		return -1;
	m->at_channel = (uint32_t)b->len;
	m->channel_len = (uint32_t)ev->channel.len;
	if (sse_encode_field(b, TEXT("channel"), ev->channel) == -1)
		return -1;
	m->at_plain = (uint32_t)b->len;
	if (encode_plain(b, ev, m, place) == -1)
		return -1;
	if (b->len > UINT32_MAX / 2) {
		errno = EINVAL;
		return -1;
	}
	if (m->type_len > 0)
		m->at_type = find_value(b, m->at_plain, "event");
	if (m->id_len > 0)
		m->at_id = find_value(b, m->at_plain, "id");
	m->len = (uint32_t)b->len;
	return 0;
}

/* The block as it is sent out of turn, behind the other one. */
static void
put_ahead(struct message *m)
{
	size_t before = m->at_id - (sizeof(ID ": ") - 1);
	size_t after = before + sizeof(ID) - 1;
	char *to = m->bytes + m->len;

	memcpy(to, m->bytes, before);
	memcpy(to + before, AHEAD, sizeof(AHEAD) - 1);
	memcpy(
	    to + before + sizeof(AHEAD) - 1, m->bytes + after, m->len - after);
}

struct message *
message_new(struct sse_buf *scratch, const struct event *ev, struct place place,
    struct place prev)
{
	struct message head = { .place = place,
		.prev = prev,
		.expires_ms = ev->expires_ms,
		.has_match = ev->match.len > 0 };
	struct message *m;

	if (encode(scratch, ev, &head, place) == -1)
		return NULL;
	if (ev->high && head.id_len > 0)
		head.ahead_len = head.len + sizeof(AHEAD) - sizeof(ID);
	if ((m = malloc(sizeof(*m) + head.len + head.ahead_len)) == NULL)
		return NULL;
	memcpy(m, &head, sizeof(*m));
	memcpy(m->bytes, scratch->ptr, head.len);
	if (m->ahead_len > 0)
		put_ahead(m);
	atomic_init(&m->refs, 1);
	return m;
}

struct message *
message_ref(struct message *m)
{
	atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
	return m;
}

void
message_unref(struct message *m)
{
	if (m == NULL ||
	    atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(m);
}

struct sse_text
message_channel(const struct message *m)
{
	return (struct sse_text){ m->bytes + m->at_channel +
		    sizeof("channel: ") - 1,
		m->channel_len };
}

struct sse_text
message_type(const struct message *m)
{
	return (struct sse_text){ m->bytes + m->at_type, m->type_len };
}

struct sse_text
message_match(const struct message *m)
{
	const size_t at = sizeof("match: ") - 1;
	const char *end;

	/* It is the first of the fields that route. */
	if (!m->has_match)
		return (struct sse_text){ NULL, 0 };
	end = memchr(m->bytes, '\n', m->at_channel);
	return (
	    struct sse_text){ m->bytes + at, (size_t)(end - m->bytes) - at };
}

struct sse_text
message_id(const struct message *m)
{
	return (struct sse_text){ m->bytes + m->at_id, m->id_len };
}

static uint32_t
shown_from(const struct message *m, unsigned int show)
{
	if (show & SHOW_ROUTING)
		return 0;
	return show & SHOW_CHANNEL ? m->at_channel : m->at_plain;
}

struct sse_text
message_wire(const struct message *m, unsigned int show)
{
	uint32_t from = shown_from(m, show);

	return (struct sse_text){ m->bytes + from, m->len - from };
}

struct sse_text
message_ahead(const struct message *m, unsigned int show)
{
	uint32_t from = shown_from(m, show);

	return (
	    struct sse_text){ m->bytes + m->len + from, m->ahead_len - from };
}

size_t
message_cost(const struct message *m)
{
	return cost_of(sizeof(*m) + m->len + m->ahead_len);
}
