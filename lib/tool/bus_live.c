#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus_args.h"

/* A message is in memory already; this keeps what is decoded from it alike. */
#define LIVE_MAX_BYTES ((size_t)1 << 30)

struct bus_live {
	const struct bus_conf *conf;
	struct sse_decoder *decoder;
	struct sse_text channel; /* of the message; borrowed */
	struct sse_text rest;    /* of the message: not yet decoded */
	struct bus_entry first;  /* decoded while looking what it is */
	uint64_t most_ms;        /* no place of ours is above it */
	bool far;                /* one was */
	size_t broken;
	enum { LIVE_END, LIVE_FIRST, LIVE_BLOCKS, LIVE_RAW } state;
};

struct bus_live *
bus_live_new(const struct bus_conf *conf)
{
	struct bus_live *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->conf = conf;
	if ((l->decoder = sse_decoder_new(LIVE_MAX_BYTES)) == NULL) {
		bus_live_free(l);
		return NULL;
	}
	sse_decoder_ask(l->decoder, SSE_ASK_FIELDS | SSE_ASK_BLOCKS);
	return l;
}

void
bus_live_free(struct bus_live *l)
{
	if (l == NULL)
		return;
	sse_decoder_free(l->decoder);
	free(l);
}

/*
 * The places a block bears: prev, and place when the ID on the wire is the
 * publisher's own.  -1: it is no block of the script.
 */
static int
places_decode(struct bus_live *l, struct bus_entry *e)
{
	bool prev = false, place = false;
	struct sse_field f;
	size_t iter = 0;

	while (sse_decoder_field(l->decoder, &iter, &f) == 1) {
		if (text_is(f.name, "place"))
			place = place_parse(
			    f.value.ptr, f.value.len, &e->place);
		else if (text_is(f.name, "prev"))
			prev = text_is(f.value, "0-0") ||
			    place_parse(f.value.ptr, f.value.len, &e->prev);
	}
	if (!place)
		place = place_parse(e->ev.id.ptr, e->ev.id.len, &e->place);
	if (!e->ev.has_id || !place || !prev)
		return -1;
	l->far = e->place.ms > l->most_ms;
	return l->far ? -1 : 0;
}

/* The next block: 1 with *e, 0 at the end, -1 when it is none, -2: ENOMEM. */
static int
block_decode(struct bus_live *l, struct bus_entry *e)
{
	const struct sse_event *from;
	const char *what;
	size_t used;
	int rc;

	rc = sse_decoder_feed(
	    l->decoder, l->rest.ptr, l->rest.len, &used, &from);
	l->rest.ptr += used;
	l->rest.len -= used;
	if (rc == -1)
		return errno == ENOMEM ? -2 : -1;
	if (rc == 0)
		return 0;
	*e = (struct bus_entry){ EVENT_NONE, PLACE_ZERO, PLACE_ZERO };
	if (event_decode(&e->ev, l->decoder, from, &what) == -1 &&
	    errno == ENOMEM)
		return -2;
	if (places_decode(l, e) == -1)
		return -1;
	e->ev.channel = l->channel;
	return 1;
}

/* Is it ours?  It begins with an ID, and the first of its blocks has places. */
static void
look(struct bus_live *l, struct sse_text payload)
{
	int rc;

	sse_decoder_reset(l->decoder);
	l->rest = payload;
	l->state = LIVE_RAW;
	l->far = false;
	if (payload.len < 5 || memcmp(payload.ptr, "id: ", 4) != 0)
		return;
	rc = block_decode(l, &l->first);
	l->broken = l->far;
	if (rc == 1)
		l->state = LIVE_FIRST;
	else if (rc == -2 || l->far)
		l->state = LIVE_BLOCKS;
	else
		l->rest = payload;
}

int
bus_live_begin(struct bus_live *l, struct sse_text topic,
    struct sse_text payload, struct place last, uint64_t now_ms,
    struct place *horizon)
{
	size_t len = strlen(l->conf->prefix), marker = strlen(BUS_MARKER);
	struct sse_text name = { topic.ptr + len, topic.len - len };

	l->state = LIVE_END;
	l->broken = 0;
	l->most_ms = last.ms > now_ms ? last.ms : now_ms;
	l->most_ms += BUS_AHEAD_MS < UINT64_MAX - l->most_ms
	    ? BUS_AHEAD_MS
	    : UINT64_MAX - l->most_ms;
	if (topic.len < len || memcmp(topic.ptr, l->conf->prefix, len) != 0)
		return 0;
	if (name.len >= marker && memcmp(name.ptr, BUS_MARKER, marker) == 0) {
		*horizon = PLACE_ZERO;
		place_parse(payload.ptr, payload.len, horizon);
		return 2;
	}
	if (!channel_valid(name))
		return 0;
	l->channel = name;
	look(l, payload);
	return 1;
}

static int
raw_next(struct bus_live *l, struct bus_entry *e)
{
	*e = (struct bus_entry){ EVENT_NONE, PLACE_ZERO, PLACE_ZERO };
	e->ev.channel = l->channel;
	e->ev.data = l->rest;
	e->ev.has_data = true;
	l->state = LIVE_END;
	return 1;
}

int
bus_live_next(struct bus_live *l, struct bus_entry *e)
{
	int rc;

	switch (l->state) {
	case LIVE_END:
		return 0;
	case LIVE_RAW:
		return raw_next(l, e);
	case LIVE_FIRST:
		*e = l->first;
		l->state = LIVE_BLOCKS;
		return 1;
	case LIVE_BLOCKS:
		break;
	}
	while ((rc = block_decode(l, e)) == -1)
		l->broken++;
	if (rc == 0)
		l->state = LIVE_END;
	return rc == -2 ? -1 : rc;
}

size_t
bus_live_broken(const struct bus_live *l)
{
	return l->broken;
}
