#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "stream.h"

#define PIECES_MAX 256 /* of one write */
#define ROUNDS_MAX 16  /* writes before others get their turn */

/* Bytes that the connection would not take; it exists while there are some. */
struct behind {
	struct message *part; /* owned: cut off in the middle */
	size_t part_at;
	bool part_ahead;    /* it is sent out of turn */
	struct sse_buf own; /* what is this stream's alone: heads, gaps */
	size_t own_at;
	bool blocked;
};

/* One write: behind's rest, then messages. */
struct batch {
	struct iovec iov[PIECES_MAX];
	struct message *messages[PIECES_MAX]; /* NULL: of behind */
	bool ahead[PIECES_MAX];               /* it is sent out of turn */
	int n;
	bool walked; /* the walk gave all it had */
	bool all;    /* nothing is due but this */
};

/* What is live only, of the channel that woke us. */
struct raw {
	const struct channel *channel; /* NULL: nothing */
	size_t at;                     /* up to here it is in a batch */
};

void
stream_init(struct stream *s, unsigned int show)
{
	memset(s, 0, sizeof(*s));
	subscriber_init(&s->sub, show);
}

static void
behind_free(struct stream *s)
{
	if (s->behind == NULL)
		return;
	message_unref(s->behind->part);
	sse_buf_free(&s->behind->own);
	free(s->behind);
	s->behind = NULL;
}

void
stream_clear(struct stream *s)
{
	behind_free(s);
	subscriber_clear(&s->sub);
}

static struct behind *
behind_get(struct stream *s)
{
	if (s->behind == NULL)
		s->behind = calloc(1, sizeof(*s->behind));
	return s->behind;
}

bool
stream_blocked(const struct stream *s)
{
	return s->behind != NULL && s->behind->blocked;
}

int64_t
stream_lag_ms(const struct stream *s, const struct era *era)
{
	const struct message *m;

	if (!stream_blocked(s))
		return 0;
	m = s->behind->part;
	if (m == NULL)
		m = subscriber_first_due(&s->sub, era);
	if (m == NULL || place_is_zero(m->place) ||
	    (int64_t)m->place.ms > era->now_ms)
		return 0;
	return era->now_ms - (int64_t)m->place.ms;
}

/* An event of the programs' own: it bears no ID. */
static int
say(struct stream *s, const char *type, const char *data)
{
	struct sse_event ev = { .type = text_of(type),
		.data = text_of(data),
		.has = SSE_HAS_DATA };

	if (behind_get(s) == NULL)
		return -1;
	return sse_encode_event(&s->behind->own, &ev);
}

static int
say_json(struct stream *s, const char *type, json_t *object)
{
	char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
	int error = text == NULL ? -1 : say(s, type, text);

	free(text);
	json_decref(object);
	return error;
}

/* An ID that a client sent may be any bytes, JSON is UTF-8. */
static json_t *
json_id(struct sse_text id)
{
	struct sse_buf b = { 0 };
	json_t *json = NULL;

	if (id.len == 0)
		return json_null();
	if (sse_utf8_append(&b, id.ptr, id.len) == 0)
		json = json_stringn(b.ptr, b.len);
	sse_buf_free(&b);
	return json;
}

static int
say_gap(struct stream *s, struct sse_text after, const struct gap *gap)
{
	struct sse_text oldest = gap->oldest == NULL ? text_of(NULL)
						     : message_id(gap->oldest);

	return say_json(s, "sse:gap",
	    json_pack("{s:o, s:o}", "after", json_id(after), "oldest",
		json_id(oldest)));
}

/* The block that bears nothing but the place: it is committed, not dispatched. */
static int
say_place(struct stream *s, struct place p)
{
	char text[PLACE_LEN];
	struct sse_event ev = { .has = SSE_HAS_ID };

	if (place_is_zero(p) || behind_get(s) == NULL)
		return place_is_zero(p) ? 0 : -1;
	ev.id = (struct sse_text){ text, place_format(p, text) };
	s->sub.moved = false; /* it is told how far it has come */
	return sse_encode_event(&s->behind->own, &ev);
}

json_t *
stream_channels(const struct stream *s)
{
	json_t *names = json_array();

	for (size_t i = 0; i < subscriber_nchannels(&s->sub); i++) {
		struct sse_text name =
		    subscriber_channel(&s->sub, i)->named.name;

		if (json_array_append_new(
			names, json_stringn(name.ptr, name.len)) == -1) {
			json_decref(names);
			return NULL;
		}
	}
	return names;
}

static int
say_hello(struct stream *s, const char *id, const struct era *era)
{
	char place[PLACE_LEN];

	place_format(era->horizon, place);
	return say_json(s, "sse:hello",
	    json_pack("{s:o, s:s, s:s}", "channels", stream_channels(s),
		"place", place, "connection", id));
}

int
stream_open(struct stream *s, struct sse_text head, int64_t retry_ms,
    const char *id, const struct gap *gap, struct sse_text after,
    const struct era *era)
{
	struct sse_event retry = { .has = SSE_HAS_RETRY, .retry_ms = retry_ms };

	if (behind_get(s) == NULL ||
	    sse_buf_append(&s->behind->own, head.ptr, head.len) == -1 ||
	    sse_encode_event(&s->behind->own, &retry) == -1)
		return -1;
	if ((s->sub.show & SHOW_HELLO) && say_hello(s, id, era) == -1)
		return -1;
	if (gap->is && say_gap(s, after, gap) == -1)
		return -1;
	if ((s->sub.show & SHOW_PLACE) && say_place(s, s->sub.cursor) == -1)
		return -1;
	return 0;
}

static void
batch_add(struct batch *b, const char *p, size_t len, struct message *m)
{
	b->iov[b->n].iov_base = (void *)(uintptr_t)p;
	b->iov[b->n].iov_len = len;
	b->ahead[b->n] = false;
	b->messages[b->n++] = m;
}

static struct sse_text
behind_part(const struct stream *s)
{
	const struct behind *h = s->behind;

	return h->part_ahead ? message_ahead(h->part, s->sub.show)
			     : message_wire(h->part, s->sub.show);
}

static void
batch_behind(const struct stream *s, struct batch *b)
{
	const struct behind *h = s->behind;

	if (h == NULL)
		return;
	if (h->part != NULL) {
		struct sse_text t = behind_part(s);

		batch_add(b, t.ptr + h->part_at, t.len - h->part_at, NULL);
	}
	if (h->own.len > h->own_at)
		batch_add(
		    b, h->own.ptr + h->own_at, h->own.len - h->own_at, NULL);
}

/* Returns whether no more of it is left. */
static bool
batch_raw(const struct stream *s, struct batch *b, struct raw *raw,
    const struct walk *w)
{
	const struct channel *ch = raw->channel;

	for (; ch != NULL && raw->at < ch->nraw; raw->at++) {
		struct message *m = ch->raw[raw->at];
		struct sse_text t = message_wire(m, s->sub.show);

		if (b->n == PIECES_MAX)
			return false;
		if (subscriber_wants(&s->sub, m, w->now_ms))
			batch_add(b, t.ptr, t.len, m);
	}
	return true;
}

/* To one who is behind, what is of priority high goes before the rest. */
static void
batch_high(const struct stream *s, struct batch *b, struct walk *w)
{
	struct message *m;
	bool in_turn;

	while (b->n < PIECES_MAX &&
	    (m = subscriber_next_high(&s->sub, w, &in_turn)) != NULL) {
		struct sse_text t = in_turn ? message_wire(m, s->sub.show)
					    : message_ahead(m, s->sub.show);

		batch_add(b, t.ptr, t.len, m);
		b->ahead[b->n - 1] = !in_turn;
	}
}

/* What is due, or a gap.  Returns STREAM_IDLE when b is ready. */
static enum stream_state
gather(struct stream *s, struct batch *b, struct walk *w, const struct era *era,
    struct raw *raw, bool late, struct delivery *d)
{
	struct gap gap = subscriber_walk(&s->sub, w, era);
	struct message *m;

	if (gap.is) {
		char after[PLACE_LEN];
		size_t len = place_format(s->sub.cursor, after);

		if (s->no_gaps)
			return STREAM_LAGGED;
		if (say_gap(s, (struct sse_text){ after, len }, &gap) == -1)
			return STREAM_NOMEM;
		d->gaps++;
	}
	b->n = 0;
	b->walked = b->all = false;
	batch_behind(s, b);
	if (late)
		batch_high(s, b, w);
	while (b->n < PIECES_MAX) {
		struct sse_text t;

		if ((m = subscriber_next(&s->sub, w)) == NULL) {
			b->walked = true;
			b->all = !w->hole && batch_raw(s, b, raw, w);
			break;
		}
		t = message_wire(m, s->sub.show);
		batch_add(b, t.ptr, t.len, m);
	}
	return STREAM_IDLE;
}

/* sent bytes of what stood behind have left. */
static size_t
account_behind(struct stream *s, size_t sent)
{
	struct behind *h = s->behind;
	size_t n;

	if (h == NULL)
		return sent;
	if (h->part != NULL) {
		size_t left = behind_part(s).len - h->part_at;

		n = sent < left ? sent : left;
		h->part_at += n;
		sent -= n;
		if (n < left)
			return 0;
		message_unref(h->part);
		h->part = NULL;
	}
	n = h->own.len - h->own_at;
	n = sent < n ? sent : n;
	h->own_at += n;
	if (h->own_at == h->own.len)
		behind_free(s);
	return sent - n;
}

/*
 * sent bytes have left.  Returns 1 when that was the whole batch, 0 when the
 * connection takes no more now, -1 when there is no memory to remember it.
 */
static int
account(struct stream *s, const struct batch *b, const struct walk *w,
    size_t sent, struct delivery *d)
{
	struct message *last = NULL;
	int i = 0;

	d->bytes += sent;
	sent = account_behind(s, sent);
	while (i < b->n && b->messages[i] == NULL)
		i++;
	if (i < b->n && place_is_zero(d->oldest))
		d->oldest = b->messages[i]->place;
	for (; i < b->n && sent > 0; i++) {
		size_t len = b->iov[i].iov_len;

		if (b->ahead[i] &&
		    subscriber_passed_ahead(&s->sub, b->messages[i]) == -1)
			return -1;
		if (!b->ahead[i] && !place_is_zero(b->messages[i]->place))
			last = b->messages[i];
		d->events++;
		if (sent >= len) {
			sent -= len;
			continue;
		}
		if (behind_get(s) == NULL)
			return -1;
		s->behind->part = message_ref(b->messages[i]);
		s->behind->part_at = sent;
		s->behind->part_ahead = b->ahead[i];
		break;
	}
	if (last != NULL)
		subscriber_passed(&s->sub, w, last);
	if (s->behind != NULL || i < b->n) {
		if (behind_get(s) == NULL)
			return -1;
		s->behind->blocked = true;
		return 0;
	}
	if (b->walked)
		subscriber_passed(&s->sub, w, NULL);
	return 1;
}

static enum stream_state
write_batch(struct stream *s, struct transport *t, const struct batch *b,
    const struct walk *w, struct delivery *d)
{
	ssize_t sent = transport_writev(t, b->iov, b->n);

	if (sent == -1)
		return STREAM_GONE;
	switch (account(s, b, w, (size_t)sent, d)) {
	case 1:
		return STREAM_IDLE;
	case 0:
		return STREAM_BLOCKED;
	default:
		return STREAM_NOMEM;
	}
}

static enum stream_state
idle(struct stream *s)
{
	s->live = true;
	return STREAM_IDLE;
}

enum stream_state
stream_pump(struct stream *s, struct transport *t, const struct era *era,
    const struct channel *live, const struct sse_event *farewell,
    struct delivery *d)
{
	struct raw raw = { live, 0 };
	bool late = stream_blocked(s);
	struct batch b;
	struct walk w;

	d->late = s->live;
	for (int round = 0; round < ROUNDS_MAX; round++) {
		enum stream_state state;

		state = gather(s, &b, &w, era, &raw, late, d);
		if (state != STREAM_IDLE)
			return state;
		if (b.n == 0) {
			behind_free(s);
			subscriber_passed(&s->sub, &w, NULL);
			if (w.parked)
				return STREAM_IDLE;
			if (!b.all)
				continue;
			if (s->ended)
				return STREAM_DONE;
			if (farewell == NULL)
				return idle(s);
			if (behind_get(s) == NULL ||
			    sse_encode_event(&s->behind->own, farewell) == -1)
				return STREAM_NOMEM;
			s->ended = true;
			continue;
		}
		if ((state = write_batch(s, t, &b, &w, d)) != STREAM_IDLE)
			return state;
		if (w.parked)
			return STREAM_IDLE;
		if (b.all && farewell == NULL)
			return idle(s);
	}
	if (behind_get(s) == NULL)
		return STREAM_NOMEM;
	s->behind->blocked = true;
	return STREAM_BLOCKED;
}

enum stream_state
stream_keepalive(struct stream *s, struct transport *t, const struct era *era,
    struct delivery *d)
{
	int error;

	if (s->behind != NULL)
		return STREAM_BLOCKED;
	if (subscriber_parked(&s->sub))
		goto comment;
	if (subscriber_due(&s->sub, era))
		return stream_pump(s, t, era, NULL, NULL, d);
	subscriber_settle(&s->sub, era);
comment:
	if ((s->sub.show & SHOW_PLACE) && s->sub.moved)
		error = say_place(s, s->sub.cursor);
	else
		error = behind_get(s) == NULL
		    ? -1
		    : sse_encode_comment(&s->behind->own, text_of(""));
	if (error == -1)
		return STREAM_NOMEM;
	return stream_pump(s, t, era, NULL, NULL, d);
}
