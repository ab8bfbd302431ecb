#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"

#define BATCH_EVENTS 1000 /* that sse-serve takes under one number */

static void
new_producer(struct batches *b)
{
	unsigned char bytes[BATCH_PRODUCER_BYTES];

	arc4random_buf(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(b->producer + 2 * i, 3, "%02x", bytes[i]);
}

void
batches_init(struct batches *b, const struct endpoint *peer, size_t max_bytes)
{
	memset(b, 0, sizeof(*b));
	b->peer = peer;
	b->max_bytes = max_bytes;
	b->sent = &b->two[0];
	b->next = &b->two[1];
	new_producer(b);
}

void
batches_free(struct batches *b)
{
	for (size_t i = 0; i < 2; i++) {
		sse_buf_free(&b->two[i].body);
		sse_buf_free(&b->two[i].channel);
		mark_free(&b->two[i].to);
	}
	mark_free(&b->done);
	free(b->url);
}

bool
batches_room(const struct batches *b, const struct event *ev)
{
	const struct batch *n = b->next;

	return n->events == 0 ||
	    (n->events < BATCH_EVENTS &&
		n->body.len + ev->data.len < b->max_bytes);
}

int
batches_add(struct batches *b, const struct event *ev)
{
	struct batch *n = b->next;
	struct event posted = *ev;

	if (n->events == 0 &&
	    sse_buf_append(&n->channel, ev->channel.ptr, ev->channel.len) == -1)
		return -1;
	/* The URL names the channel of those that do not. */
	if (b->peer->serve && n->channel.len == ev->channel.len &&
	    (ev->channel.len == 0 ||
		memcmp(n->channel.ptr, ev->channel.ptr, ev->channel.len) == 0))
		posted.channel.len = 0;
	if (event_encode(&n->body, &posted) == -1)
		return -1;
	n->events++;
	return 0;
}

static bool
plain(char c)
{
	return isalnum((unsigned char)c) || strchr("-._~", c) != NULL;
}

static int
append_encoded(struct sse_buf *buf, struct sse_text t)
{
	char hex[4];

	for (size_t i = 0; i < t.len; i++) {
		snprintf(hex, sizeof(hex), "%%%02X", (unsigned char)t.ptr[i]);
		if ((plain(t.ptr[i]) ? sse_buf_append(buf, t.ptr + i, 1)
				     : sse_buf_append(buf, hex, 3)) == -1)
			return -1;
	}
	return 0;
}

/* BASE/events/CHANNEL, the query behind it, or the URL as it is. */
static int
make_url(struct batches *b, struct sse_text channel)
{
	static const char events[] = "/events/";
	const char *url = b->peer->url;
	size_t base = strcspn(url, "?#"), rest = base;
	struct sse_buf buf = { NULL, 0, 0 };

	free(b->url);
	b->url = NULL;
	if (!b->peer->serve)
		return (b->url = strdup(url)) == NULL ? -1 : 0;
	while (base > 0 && url[base - 1] == '/')
		base--;
	if (sse_buf_append(&buf, url, base) == -1 ||
	    sse_buf_append(&buf, events, strlen(events)) == -1 ||
	    append_encoded(&buf, channel) == -1 ||
	    sse_buf_append(&buf, url + rest, strlen(url + rest) + 1) == -1) {
		sse_buf_free(&buf);
		return -1;
	}
	b->url = buf.ptr;
	return 0;
}

int
batches_launch(struct batches *b)
{
	struct batch *sent = b->next;

	b->next = b->sent;
	b->sent = sent;
	b->next->body.len = b->next->channel.len = 0;
	b->next->events = 0;
	b->number++;
	b->flying = true;
	if (mark_set(&b->next->to, mark_text(&sent->to)) == -1)
		return -1;
	return make_url(
	    b, (struct sse_text){ sent->channel.ptr, sent->channel.len });
}

int
batches_landed(struct batches *b)
{
	b->flying = false;
	b->sent->events = 0;
	return mark_set(&b->done, mark_text(&b->sent->to));
}

int
batches_resume(struct batches *b, const struct state_flight *f)
{
	struct batch *sent = b->sent;

	snprintf(b->producer, sizeof(b->producer), "%.*s", (int)f->producer.len,
	    f->producer.ptr);
	b->number = f->number;
	b->flying = true;
	sent->events = 1;
	return sse_buf_append(&sent->body, f->body.ptr, f->body.len) == -1 ||
		mark_set(&sent->to, f->to) == -1 ||
		mark_set(&b->next->to, f->to) == -1 ||
		(b->url = strndup(f->url.ptr, f->url.len)) == NULL
	    ? -1
	    : 0;
}

void
batches_renumber(struct batches *b)
{
	new_producer(b);
	b->number = 1;
}

void
batches_key(const struct batches *b, char key[BATCH_KEY_BYTES])
{
	snprintf(key, BATCH_KEY_BYTES,
	    b->peer->serve ? "Sse-Producer: %s/%" PRIu64
			   : "Idempotency-Key: \"%s-%" PRIu64 "\"",
	    b->producer, b->number);
}

struct state_flight
batches_flight(const struct batches *b)
{
	return (struct state_flight){ mark_text(&b->sent->to),
		text_of(b->producer), text_of(b->url), b->number,
		{ b->sent->body.ptr, b->sent->body.len } };
}

bool
batches_settled(const struct batches *b)
{
	return !b->flying && b->next->events == 0;
}

struct sse_text
batches_done(const struct batches *b)
{
	return mark_text(batches_settled(b) ? &b->next->to : &b->done);
}

size_t
batches_waiting(const struct batches *b)
{
	return b->next->events + (b->flying ? b->sent->events : 0);
}
