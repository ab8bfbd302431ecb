#include <err.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sysexits.h>

#include "interrupt.h"
#include "mark.h"
#include "relay.h"
#include "units.h"
#include "visible.h"

#define FINISH_MS 5000 /* after a signal, for what was read */

/* What changes while it runs. */
struct run {
	const struct relay *r;
	struct event ev; /* handed out, but there was no room for it */
	bool held;       /* there is such an event */
	bool ending;     /* nothing more is read; then the status */
	int status;
	bool lost;           /* the source is out of reach, and this was said */
	int64_t deadline_ms; /* after a signal; else far away */
};

static void
end(struct run *run, int status)
{
	run->ending = true;
	run->status = status;
}

static const char *
source_say(const struct run *run)
{
	return run->r->source->ops->say(run->r->source);
}

static const char *
where(const struct run *run)
{
	return run->r->source->ops->where(run->r->source);
}

static struct sse_text
source_mark(const struct run *run)
{
	return run->r->source->ops->mark(run->r->source);
}

static int
advance(struct run *run)
{
	struct sink *k = run->r->sink;

	if (!k->marked)
		return 0;
	return k->ops->advance(k, source_mark(run));
}

static void
bad_event(struct run *run, const char *fault)
{
	char id[SHOWN_BYTES];

	if (run->r->strict) {
		warnx("%s: %s", where(run), fault);
		end(run, EX_DATAERR);
	} else {
		warnx("%s: event %s is passed over: %s", where(run),
		    visible_line(run->ev.id, id, sizeof(id)), fault);
	}
}

/* The event at hand into the sink, which has room for it. */
static void
carry(struct run *run)
{
	const struct relay *r = run->r;
	const char *fault = NULL;
	int rc = 0;

	run->held = false;
	switch (carry_event(r->carry, &run->ev, clock_unix_ms(), &fault)) {
	case CARRY_ON:
		rc = r->sink->ops->add(r->sink, &run->ev);
		break;
	case CARRY_DROP:
		break;
	case CARRY_LOST:
		warnx("%s: %s", where(run), fault);
		end(run, EX_DATAERR);
		return;
	case CARRY_BAD:
		bad_event(run, fault);
		break;
	case CARRY_NOMEM:
		rc = -1;
		break;
	}
	if (rc == -1 || (!run->ending && advance(run) == -1)) {
		warn(NULL);
		end(run, EX_SOFTWARE);
	}
}

static void
opened(struct run *run)
{
	const struct relay *r = run->r;
	struct sse_text mark = { NULL, 0 };
	char at[SHOWN_BYTES];

	if (r->source->resumable)
		mark = source_mark(run);
	if (r->verbose > 0)
		warnx("%s: open, %s%s", where(run),
		    mark.len > 0 ? "behind " : "from now on",
		    visible_line(mark, at, sizeof(at)));
	else if (run->lost && r->verbose >= 0)
		warnx("%s: back", where(run));
	run->lost = false;
}

/* What the source says instead of an event. */
static void
notice(struct run *run, enum source_what what)
{
	const struct relay *r = run->r;

	switch (what) {
	case SOURCE_OPEN:
		opened(run);
		break;
	case SOURCE_LOST:
		run->lost = true;
		if (r->verbose >= 0)
			warnx("%s; trying again", source_say(run));
		break;
	case SOURCE_GAP:
		warnx("%s", source_say(run));
		if (r->gap_fail)
			end(run, RELAY_EX_GAP);
		break;
	case SOURCE_END:
		end(run, EX_OK);
		break;
	default:
		warnx("%s", source_say(run));
		end(run, r->source->ops->status(r->source));
	}
}

/* Take from the source what it has, as far as the sink has room. */
static void
pull(struct run *run)
{
	const struct relay *r = run->r;
	enum source_what what;

	while (!run->ending) {
		if (!run->held) {
			what = r->source->ops->next(r->source, &run->ev);
			if (what == SOURCE_WAIT)
				break;
			if (what != SOURCE_EVENT) {
				notice(run, what);
				continue;
			}
		}
		run->held = true;
		if (!r->sink->ops->room(r->sink, &run->ev))
			return;
		carry(run);
	}
	/* Without events the mark moves, too. */
	if (!run->ending && advance(run) == -1)
		err(EX_SOFTWARE, NULL);
}

/*
 * The sink stands elsewhere.  A source that had ended, or stood at a gap, may
 * have more behind that.
 */
static void
rewind_source(struct run *run)
{
	struct source *s = run->r->source;

	run->held = false;
	if (interrupt_signal() == 0 &&
	    (run->status == EX_OK || run->status == RELAY_EX_GAP))
		run->ending = false;
	if (s->ops->rewind(s, run->r->sink->ops->mark(run->r->sink)) == -1)
		err(EX_SOFTWARE, NULL);
}

/* After a signal: read no more, deliver what was read, but not for ever. */
static void
wind_up(struct run *run)
{
	struct source *s = run->r->source;

	run->deadline_ms = clock_mono_ms() + FINISH_MS;
	if (s->ops->stop != NULL)
		s->ops->stop(s);
	else
		end(run, EX_OK);
}

static void
wait_for_more(struct run *run)
{
	const struct relay *r = run->r;
	struct pollfd p[2];
	int64_t left_ms = run->deadline_ms - clock_mono_ms();
	int timeout_ms = r->sink->ops->wants(r->sink, &p[0]);
	int rc;

	if (left_ms < 0)
		left_ms = 0;
	if (left_ms < INT_MAX && (timeout_ms == -1 || timeout_ms > left_ms))
		timeout_ms = (int)left_ms;
	p[1] = (struct pollfd){ interrupt_signal() != 0 ? -1 : interrupt_fd(),
		POLLIN, 0 };
	/* A source that is not read must not wake us either. */
	if (run->held || run->ending)
		rc = poll(p, 2, timeout_ms);
	else
		rc = r->source->ops->wait(r->source, p, 2, timeout_ms);
	if (rc == -1 && errno != EINTR)
		err(EX_SOFTWARE, "poll");
	if (rc > 0)
		r->sink->ops->woken(r->sink, p[0].revents);
}

static void
say_undelivered(const struct run *run)
{
	const struct relay *r = run->r;
	size_t n = r->sink->ops->waiting(r->sink) + (run->held ? 1 : 0);

	if (n > 0 && (r->verbose >= 0 || !r->source->resumable))
		warnx("%zu events that were read are not delivered%s", n,
		    r->source->resumable ? "; the next run reads them again"
					 : "");
}

/* Until nothing is left to do: an exit status. */
static int
turn(struct run *run)
{
	const struct relay *r = run->r;
	struct sink *k = r->sink;

	for (;;) {
		if (interrupt_signal() != 0 && run->deadline_ms == INT64_MAX)
			wind_up(run);
		pull(run);
		switch (k->ops->step(k)) {
		case SINK_FAULT:
			warnx("%s", k->ops->say(k));
			return k->ops->status(k);
		case SINK_REWIND:
			rewind_source(run);
			continue;
		case SINK_OK:
			break;
		}
		if (run->ending && k->ops->settled(k))
			return run->status;
		if (run->held && !run->ending && k->ops->room(k, &run->ev))
			continue;
		if (clock_mono_ms() >= run->deadline_ms)
			return run->status;
		wait_for_more(run);
	}
}

int
relay_run(const struct relay *r)
{
	struct run run = { .r = r, .deadline_ms = INT64_MAX };
	int status;

	status = turn(&run);
	if (status != EX_OK || interrupt_signal() != 0)
		say_undelivered(&run);
	return status;
}
