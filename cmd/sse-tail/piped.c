#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "piped.h"

#define READ_BYTES ((size_t)64 << 10)

struct piped {
	struct sse_decoder *decoder;
	char *buf; /* owned: READ_BYTES */
	size_t at, len;
	size_t max_bytes;
	unsigned long long bytes;
	bool blocks, ready, ended;
	char fault[80];
};

struct piped *
piped_new(size_t max_bytes, bool blocks)
{
	struct piped *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->blocks = blocks;
	p->max_bytes = max_bytes != 0 ? max_bytes : SSE_MAX_BYTES_DEFAULT;
	if ((p->decoder = sse_decoder_new(max_bytes)) == NULL ||
	    (p->buf = malloc(READ_BYTES)) == NULL) {
		piped_free(p);
		return NULL;
	}
	sse_decoder_ask(p->decoder,
	    SSE_ASK_FIELDS | SSE_ASK_COMMENTS | (blocks ? SSE_ASK_BLOCKS : 0));
	return p;
}

void
piped_free(struct piped *p)
{
	if (p == NULL)
		return;
	sse_decoder_free(p->decoder);
	free(p->buf);
	free(p);
}

void
piped_ready(struct piped *p)
{
	p->ready = true;
}

/* Would a blank line have made an event of what came last? */
static bool
unfinished(struct piped *p)
{
	static const char blank[] = "\n\n";
	const struct sse_event *from;
	bool any = false;
	size_t used;

	for (const char *s = blank; *s != '\0'; s += used)
		any = sse_decoder_feed(p->decoder, s,
			  sizeof(blank) - 1 - (size_t)(s - blank), &used,
			  &from) == 1 ||
		    any;
	return any;
}

static enum follow_what
fill(struct piped *p)
{
	ssize_t n;

	if (!p->ready)
		return FOLLOW_WAIT;
	p->ready = false;
	n = read(STDIN_FILENO, p->buf, READ_BYTES);
	if (n == -1)
		return errno == EINTR || errno == EAGAIN ? FOLLOW_WAIT
							 : FOLLOW_FAULT;
	p->at = 0;
	p->len = (size_t)n;
	p->bytes += (size_t)n;
	if (n > 0)
		return FOLLOW_EVENT;
	p->ended = true;
	if (!unfinished(p))
		return FOLLOW_END;
	snprintf(p->fault, sizeof(p->fault),
	    "the input ends within an event, which is dropped");
	return FOLLOW_DROPPED;
}

enum follow_what
piped_next(struct piped *p, struct event *ev)
{
	const struct sse_event *from;
	enum follow_what what;
	const char *which;
	size_t used;
	int r;

	for (;;) {
		if (p->ended)
			return FOLLOW_END;
		if (p->at == p->len) {
			if ((what = fill(p)) != FOLLOW_EVENT)
				return what;
		}
		r = sse_decoder_feed(
		    p->decoder, p->buf + p->at, p->len - p->at, &used, &from);
		p->at += used;
		if (r == -1 && errno != EMSGSIZE)
			return FOLLOW_FAULT;
		if (r == -1) {
			snprintf(p->fault, sizeof(p->fault),
			    "an event of more than %zu bytes is dropped",
			    p->max_bytes);
			return FOLLOW_DROPPED;
		}
		if (r == 0)
			continue;
		(void)event_decode(ev, p->decoder, from, &which);
		if (r == 2)
			return FOLLOW_BLOCK;
		p->ended = text_is(ev->type, "sse:end");
		return p->ended ? FOLLOW_END : FOLLOW_EVENT;
	}
}

const char *
piped_fault(const struct piped *p)
{
	return p->fault;
}

const struct sse_decoder *
piped_decoder(const struct piped *p)
{
	return p->decoder;
}

unsigned long long
piped_bytes(const struct piped *p)
{
	return p->bytes;
}
