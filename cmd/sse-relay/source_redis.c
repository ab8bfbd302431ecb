#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "gap.h"
#include "reader.h"
#include "source.h"

struct source_redis {
	struct source source;
	struct redis_url url; /* borrows all, with the channels to read */
	struct reader *reader;
	struct place start; /* SOURCE_REDIS_START */
	bool all;           /* all there is was asked for */
	bool open;          /* it was, once */
	bool known;         /* reader_place() is where we are */
	char mark[PLACE_LEN];
	struct sse_buf gap; /* owned: a gap's data */
	char say[512];
	int status;
};

static struct source_redis *
of(struct source *s)
{
	return (struct source_redis *)(void *)s;
}

static enum source_what
gap(struct source_redis *sr, const struct bus_entry *e, struct event *ev)
{
	char after[PLACE_LEN] = "", oldest[PLACE_LEN] = "";
	size_t oldest_len = 0;

	if (!place_is_zero(e->place))
		oldest_len = place_format(e->place, oldest);
	if (gap_event(ev, &sr->gap,
		(struct sse_text){ after, place_format(e->prev, after) },
		(struct sse_text){ oldest, oldest_len }) == -1) {
		snprintf(sr->say, sizeof(sr->say), "out of memory");
		sr->status = EX_SOFTWARE;
		return SOURCE_FAULT;
	}
	gap_say(ev, sr->url.shown, sr->say, sizeof(sr->say));
	return SOURCE_GAP;
}

static enum source_what
lost(struct source_redis *sr)
{
	snprintf(sr->say, sizeof(sr->say), "%s", reader_fault(sr->reader));
	sr->status = reader_status(sr->reader);
	return sr->open ? SOURCE_LOST : SOURCE_FAULT;
}

static enum source_what
redis_next(struct source *s, struct event *ev)
{
	struct source_redis *sr = of(s);
	struct bus_entry e;

	for (;;) {
		switch (reader_next(sr->reader, &e)) {
		case READER_WAIT:
			sr->known = sr->open;
			return SOURCE_WAIT;
		case READER_EVENT:
			sr->known = true;
			*ev = e.ev;
			if (!gap_is(ev))
				return SOURCE_EVENT;
			gap_say(ev, sr->url.shown, sr->say, sizeof(sr->say));
			return SOURCE_GAP;
		case READER_GAP:
			/* What had gone before the oldest is not missed. */
			if (sr->all && place_cmp(e.prev, sr->start) == 0)
				continue;
			return gap(sr, &e, ev);
		case READER_OPEN:
			sr->open = true;
			return SOURCE_OPEN;
		case READER_LOST:
			return lost(sr);
		case READER_FAULT:
			lost(sr);
			return SOURCE_FAULT;
		}
	}
}

static int
redis_wait(
    struct source *s, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	return reader_wait(of(s)->reader, extra, n, timeout_ms);
}

static struct sse_text
redis_mark(struct source *s)
{
	struct source_redis *sr = of(s);
	struct place p = reader_place(sr->reader);

	if (!sr->known)
		return TEXT("");
	/* An empty Redis: whatever comes is behind the mark. */
	if (place_is_zero(p))
		return TEXT(SOURCE_REDIS_START);
	return (struct sse_text){ sr->mark, place_format(p, sr->mark) };
}

static int
redis_rewind(struct source *s, struct sse_text mark)
{
	struct place p = PLACE_ZERO;

	/* A mark that is no place was never one of ours: from now on. */
	if (!place_parse(mark.ptr, mark.len, &p))
		p = PLACE_ZERO;
	reader_rewind(of(s)->reader, p);
	return 0;
}

static const char *
redis_say(struct source *s)
{
	return of(s)->say;
}

static const char *
redis_where(struct source *s)
{
	return of(s)->url.shown;
}

static int
redis_status(struct source *s)
{
	return of(s)->status;
}

static void
redis_free(struct source *s)
{
	reader_free(of(s)->reader);
	sse_buf_free(&of(s)->gap);
	free(of(s));
}

static const struct source_ops ops = {
	.next = redis_next,
	.wait = redis_wait,
	.mark = redis_mark,
	.rewind = redis_rewind,
	.say = redis_say,
	.where = redis_where,
	.status = redis_status,
	.free = redis_free,
};

struct source *
source_redis_new(const struct endpoint *e, const struct endpoint_pair *p,
    const struct bus_conf *bus, struct sse_text mark, bool all)
{
	struct source_redis *sr = calloc(1, sizeof(*sr));
	struct place after = PLACE_ZERO;

	if (sr == NULL)
		return NULL;
	sr->source.ops = &ops;
	sr->source.resumable = true;
	sr->all = all;
	sr->known = mark.len > 0;
	sr->url = e->redis;
	sr->url.channels = p->channels;
	sr->url.nchannels = p->nchannels;
	place_parse(SOURCE_REDIS_START, strlen(SOURCE_REDIS_START), &sr->start);
	if (mark.len > 0 && !place_parse(mark.ptr, mark.len, &after))
		after = PLACE_ZERO;
	if ((sr->reader = reader_new(bus, &sr->url, after)) == NULL) {
		free(sr);
		return NULL;
	}
	return &sr->source;
}
