#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "follow.h"
#include "gap.h"
#include "source.h"
#include "transfer.h"

struct source_http {
	struct source source;
	struct follow_conf conf;
	struct follow *follow;
	bool routing;  /* is asked for */
	bool unrouted; /* it was refused, which is yet to be said */
	bool quiet;
	const char *shown;
	char *start;                /* the last event ID to begin with */
	unsigned int losses;        /* of the connection since it was open */
	struct curl_slist *headers; /* owned: the user's and ours */
	struct sse_buf gap;         /* owned: the data of one made here */
	int status;
	char say[512];
};

static struct source_http *
of(struct source *s)
{
	return (struct source_http *)(void *)s;
}

/* Servers close long streams as a matter of course; the second loss counts. */
static bool
out_of_reach(struct source_http *sh)
{
	snprintf(sh->say, sizeof(sh->say), "%s", follow_fault(sh->follow));
	return ++sh->losses == 2;
}

static enum source_what
fault(struct source_http *sh, int status, const char *why)
{
	sh->status = status;
	snprintf(sh->say, sizeof(sh->say), "%s", why);
	return SOURCE_FAULT;
}

/* Ask for an event's routing, too, or only for its channel. */
static int
ask(struct source_http *sh, bool routing)
{
	sh->routing = routing;
	sh->conf.show = routing ? "channel,routing" : "channel";
	return (sh->follow = follow_new(&sh->conf)) == NULL ? -1 : 0;
}

/*
 * An sse-serve shows routing to whom it trusts, and refuses others: asked for
 * less, it may serve them.
 */
static enum source_what
refused(struct source_http *sh)
{
	int status = follow_status(sh->follow);
	struct sse_text id = follow_last_id(sh->follow);
	char *start;

	(void)fault(sh, status, follow_fault(sh->follow));
	if (!sh->routing || follow_response(sh->follow) != 403)
		return SOURCE_FAULT;
	if ((start = strndup(id.len > 0 ? id.ptr : "", id.len)) == NULL)
		return fault(sh, EX_SOFTWARE, "out of memory");
	free(sh->start);
	sh->start = start;
	sh->conf.last_id = id.len > 0 ? sh->start : NULL;
	follow_free(sh->follow);
	if (ask(sh, false) == -1)
		return fault(sh, EX_SOFTWARE, "out of memory");
	sh->unrouted = true;
	return SOURCE_WAIT;
}

static enum source_what
opened(struct source_http *sh)
{
	sh->losses = 0;
	if (sh->unrouted && !sh->quiet)
		warnx("%s: routing is not granted: labels, priority, expiry "
		      "and the relays passed are not carried",
		    sh->shown);
	sh->unrouted = false;
	return SOURCE_OPEN;
}

static enum source_what
too_large(struct source_http *sh, struct event *ev)
{
	snprintf(sh->say, sizeof(sh->say), "%s", follow_fault(sh->follow));
	return gap_event(ev, &sh->gap, follow_last_id(sh->follow), TEXT("")) ==
		-1
	    ? fault(sh, EX_SOFTWARE, "out of memory")
	    : SOURCE_GAP;
}

static enum source_what
http_next(struct source *s, struct event *ev)
{
	struct source_http *sh = of(s);

	for (;;) {
		switch (follow_next(sh->follow, ev)) {
		case FOLLOW_WAIT:
			return SOURCE_WAIT;
		case FOLLOW_EVENT:
			if (!gap_is(ev))
				return SOURCE_EVENT;
			gap_say(ev, sh->shown, sh->say, sizeof(sh->say));
			return SOURCE_GAP;
		case FOLLOW_DROPPED:
			return too_large(sh, ev);
		case FOLLOW_OPEN:
			return opened(sh);
		case FOLLOW_BLOCK:
			break;
		case FOLLOW_LOST:
			if (out_of_reach(sh))
				return SOURCE_LOST;
			break;
		case FOLLOW_END:
			return SOURCE_END;
		case FOLLOW_FAULT:
			if (refused(sh) == SOURCE_FAULT)
				return SOURCE_FAULT;
			break;
		}
	}
}

static int
http_wait(
    struct source *s, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	return follow_wait(of(s)->follow, extra, n, timeout_ms);
}

static struct sse_text
http_mark(struct source *s)
{
	return follow_last_id(of(s)->follow);
}

static int
http_rewind(struct source *s, struct sse_text mark)
{
	return follow_rewind(of(s)->follow, mark);
}

static const char *
http_say(struct source *s)
{
	return of(s)->say;
}

static const char *
http_where(struct source *s)
{
	return of(s)->shown;
}

static int
http_status(struct source *s)
{
	return of(s)->status;
}

static void
http_free(struct source *s)
{
	follow_free(of(s)->follow);
	curl_slist_free_all(of(s)->headers);
	sse_buf_free(&of(s)->gap);
	free(of(s)->start);
	free(of(s));
}

static const struct source_ops ops = {
	.next = http_next,
	.wait = http_wait,
	.mark = http_mark,
	.rewind = http_rewind,
	.say = http_say,
	.where = http_where,
	.status = http_status,
	.free = http_free,
};

/* The user's, and that nothing is to come ahead of what is older. */
static int
add_headers(struct source_http *sh, const struct curl_slist *theirs)
{
	for (; theirs != NULL; theirs = theirs->next)
		if (transfer_append(&sh->headers, theirs->data) == -1)
			return -1;
	if (transfer_append(&sh->headers, "Sse-Order: strict") == -1)
		return -1;
	sh->conf.headers = sh->headers;
	return 0;
}

struct source *
source_http_new(const struct endpoint *e, const struct follow_conf *http,
    struct sse_text mark, size_t max_bytes)
{
	struct source_http *sh = calloc(1, sizeof(*sh));

	if (sh == NULL)
		return NULL;
	sh->source.ops = &ops;
	sh->source.resumable = true;
	sh->shown = e->shown;
	if ((sh->start = strndup(mark.len > 0 ? mark.ptr : "", mark.len)) ==
	    NULL) {
		http_free(&sh->source);
		return NULL;
	}
	sh->conf = *http;
	sh->conf.url = e->url;
	sh->conf.last_id = mark.len > 0 ? sh->start : NULL;
	sh->conf.max_bytes = max_bytes;
	sh->conf.reconnect = true;
	sh->conf.ask_place = true;
	/* What came out of turn would bear no ID, and come again. */
	sh->conf.strict = true;
	if (add_headers(sh, http->headers) == -1 || ask(sh, true) == -1) {
		http_free(&sh->source);
		return NULL;
	}
	return &sh->source;
}
