#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "piped.h"
#include "request.h"
#include "say.h"
#include "stream.h"
#include "visible.h"

static bool
wants_blocks(const struct options *o)
{
	return o->verbose > 0 || o->capture != NULL ||
	    output_takes_blocks(o->output);
}

static int
setup(CURL *easy, const void *arg)
{
	const struct stream *s = arg;

	if (transfer_setup(easy, &s->o->transfer) == -1)
		return -1;
	return s->o->verbose > 1 ? trace_begin(easy, &s->trace) : 0;
}

static struct follow_conf
conf_of(const struct stream *s)
{
	const struct options *o = s->o;
	bool again = o->retry != 0 && !o->no_reconnect;

	return (struct follow_conf){
		.max_bytes = o->max_event,
		.connect_ms = o->connect_ms,
		.idle_ms = o->idle_ms,
		.retry_max_ms = o->retry_max_ms,
		.reconnect = again &&
		    (o->retry_post || !transfer_once(&o->transfer)),
		.retry_first = again && (o->retry_first || o->retry > 0),
		.retries = o->retry > 0 ? (unsigned int)o->retry : 0,
		.ask_place = true,
		.blocks = wants_blocks(o),
		.raw = o->capture != NULL,
		.show = o->show,
		.headers = o->transfer.headers,
		.setup = setup,
		.arg = s,
	};
}

int
stream_begin(struct stream *s, const struct options *o, size_t i)
{
	*s = (struct stream){ .o = o };
	s->conf = conf_of(s);
	s->conf.url = o->urls[i];
	s->shown = request_shown(o->names[i]);
	s->trace = (struct trace){ o, s->shown };
	return s->shown == NULL ? -1 : 0;
}

static void
stirred(void *caller)
{
	struct stream *s = caller;

	s->stirred(s->arg, s);
}

static void
arrived(void *caller, bool more)
{
	struct stream *s = caller;

	s->arrived(s->arg, s, more);
}

int
stream_follow(struct stream *s, const char *last_id, struct multi *m)
{
	s->conf.stirred = stirred;
	s->conf.arrived = s->arrived != NULL ? arrived : NULL;
	s->conf.caller = s;
	s->conf.multi = m;
	s->conf.last_id = last_id;
	s->follow = follow_new(&s->conf);
	return s->follow == NULL ? -1 : 0;
}

int
stream_pipe(struct stream *s, const struct options *o)
{
	*s = (struct stream){ .o = o, .open = true };
	s->shown = strdup("-");
	s->piped = piped_new(o->max_event, wants_blocks(o));
	return s->shown == NULL || s->piped == NULL ? -1 : 0;
}

void
stream_free(struct stream *s)
{
	follow_free(s->follow);
	piped_free(s->piped);
	free(s->shown);
}

const struct sse_decoder *
stream_decoder(const struct stream *s)
{
	return s->piped != NULL ? piped_decoder(s->piped)
				: follow_decoder(s->follow);
}

unsigned long long
stream_bytes(const struct stream *s)
{
	return s->piped != NULL ? piped_bytes(s->piped)
				: follow_bytes(s->follow);
}

static void
opened(struct stream *s)
{
	s->open = true;
	s->opened++;
	say_life(s->o, "%s: connected to %s", s->shown, follow_peer(s->follow));
}

/*
 * A connection that is lost and made again is nothing to speak of; one that
 * cannot be made again is, once.
 */
static void
lost(struct stream *s)
{
	const char *fault = follow_fault(s->follow);

	s->open = false;
	s->losses++;
	if (s->o->verbose > 0)
		say_life(s->o, "%s; trying again in %.1f s", fault,
		    (double)follow_retry_in_ms(s->follow) / 1000);
	else if (s->losses == 2)
		say_warning(s->o, "%s; trying again", fault);
}

static void
over(struct stream *s, enum follow_what what)
{
	s->open = false;
	s->over = true;
	s->ended = what == FOLLOW_END;
	s->fault = errno;
	if (!s->ended)
		s->status = s->follow != NULL ? follow_status(s->follow)
					      : EX_IOERR;
}

void
stream_say_end(const struct stream *s)
{
	if (s->ended)
		say_life(s->o, "%s: there is no more", s->shown);
	else if (s->follow != NULL)
		say_fault(s->o, "%s", follow_fault(s->follow));
	else
		say_fault(s->o, "standard input: %s", strerror(s->fault));
}

/* Comments of a block, with -v. */
static void
say_comments(const struct stream *s)
{
	struct sse_field field;
	char text[512];
	size_t iter = 0;

	while (sse_decoder_field(stream_decoder(s), &iter, &field) == 1)
		if (field.name.len == 0)
			say_life(s->o, "%s: comment: %s", s->shown,
			    visible_line(field.value, text, sizeof(text)));
}

static enum follow_what
next(struct stream *s, struct event *ev)
{
	return s->piped != NULL ? piped_next(s->piped, ev)
				: follow_next(s->follow, ev);
}

size_t
stream_many(struct stream *s, struct sse_event *ev, size_t max)
{
	size_t n = s->follow == NULL ? 0 : follow_many(s->follow, ev, max);

	if (n > 0)
		s->losses = 0;
	return n;
}

int64_t
stream_due_ms(const struct stream *s)
{
	if (s->over || s->follow == NULL)
		return INT64_MAX;
	return follow_due_ms(s->follow);
}

bool
stream_drained(const struct stream *s)
{
	return s->follow == NULL || follow_drained(s->follow);
}

void
stream_release(struct stream *s)
{
	if (s->follow != NULL)
		follow_release(s->follow);
}

enum follow_what
stream_next(struct stream *s, struct event *ev)
{
	for (;;) {
		enum follow_what what = next(s, ev);

		switch (what) {
		case FOLLOW_WAIT:
			return what;
		case FOLLOW_EVENT:
			s->losses = 0;
			/* FALLTHROUGH */
		case FOLLOW_BLOCK:
			if (s->o->verbose > 0)
				say_comments(s);
			return what;
		case FOLLOW_OPEN:
			opened(s);
			return what;
		case FOLLOW_LOST:
			lost(s);
			return what;
		case FOLLOW_DROPPED:
			say_warning(s->o, "%s",
			    s->piped != NULL ? piped_fault(s->piped)
					     : follow_fault(s->follow));
			break;
		case FOLLOW_END:
		case FOLLOW_FAULT:
			over(s, what);
			return FOLLOW_END;
		}
	}
}
