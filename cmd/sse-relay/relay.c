#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "gap.h"
#include "interrupt.h"
#include "relay_inner.h"
#include "units.h"
#include "visible.h"

#define FINISH_MS 5000 /* after a signal, for what was read */

/* A handler has nothing else to reach it by. */
static volatile sig_atomic_t usr1_noted;
static int usr1_ends[2] = { -1, -1 };

static void
usr1_note(int sig)
{
	int saved = errno;

	(void)sig;
	usr1_noted = 1;
	(void)!write(usr1_ends[1], "", 1);
	errno = saved;
}

void
relay_catch_usr1(void)
{
	struct sigaction sa = { .sa_handler = usr1_note };

	sigemptyset(&sa.sa_mask);
	sa.sa_flags = (int)SA_RESTART;
	if (pipe2(usr1_ends, O_CLOEXEC | O_NONBLOCK) == -1 ||
	    sigaction(SIGUSR1, &sa, NULL) == -1)
		err(EX_SOFTWARE, "SIGUSR1");
}

static void
say_stats(const struct run *run)
{
	char line[512];

	warnx("%s",
	    tally_line(run->r->tally, clock_mono_ms(), clock_unix_ms(), line,
		sizeof(line)));
}

static void
usr1_answer(const struct run *run)
{
	char buf[64];

	if (usr1_noted == 0)
		return;
	usr1_noted = 0;
	while (read(usr1_ends[0], buf, sizeof(buf)) > 0)
		;
	say_stats(run);
}

static const char *
source_say(const struct run *run)
{
	return run->r->source->ops->say(run->r->source);
}

/* Once each. */
static void
announce(struct run *run, bool ready)
{
	bool *told = ready ? &run->ready_told : &run->end_told;

	if (run->r->announce != NULL && !*told)
		run->r->announce(ready);
	*told = true;
}

static void
opened(struct run *run)
{
	const struct relay *r = run->r;
	struct sse_text mark = run_source_mark(run);
	char at[SHOWN_BYTES];

	tally_add(r->tally, TALLY_SOURCE_OPENED, 1);
	atomic_store(&r->tally->source_open, true);
	announce(run, true);
	if (r->verbose > 0)
		warnx("%s: open, %s%s", run_where(run),
		    mark.len > 0 ? "behind " : "from now on",
		    visible_line(mark, at, sizeof(at)));
	else if (run->lost && r->verbose >= 0)
		warnx("%s: back", run_where(run));
	run->lost = false;
}

static void
gap(struct run *run, const struct event *ev)
{
	const struct relay *r = run->r;

	if (!run_wanted(run, ev))
		return;
	tally_add(r->tally, TALLY_GAPS, 1);
	warnx("%s", source_say(run));
	if (r->gap_fail)
		run_end(run, RELAY_EX_GAP);
	else if (r->filter == NULL)
		run_keep_gap(run, ev);
	else if (filter_put(r->filter, ev, TEXT(""), TEXT(""), true) == -1)
		run_nomem(run);
}

/* What the source says instead of an event. */
static void
notice(struct run *run, enum source_what what, const struct event *ev)
{
	const struct relay *r = run->r;

	switch (what) {
	case SOURCE_OPEN:
		opened(run);
		break;
	case SOURCE_LOST:
		run->lost = true;
		tally_add(r->tally, TALLY_SOURCE_LOST, 1);
		atomic_store(&r->tally->source_open, false);
		if (r->verbose >= 0)
			warnx("%s; trying again", source_say(run));
		break;
	case SOURCE_GAP:
		gap(run, ev);
		break;
	case SOURCE_END:
		run_give_gap(run, NULL);
		run_end(run, EX_OK);
		break;
	default:
		warnx("%s", source_say(run));
		run_end(run, r->source->ops->status(r->source));
	}
}

/* What the filter is to see of the source, as far as it has room. */
static enum source_what
send_to_filter(struct run *run)
{
	const struct relay *r = run->r;
	struct event ev;
	enum source_what what;

	if (run->drained || !filter_room(r->filter))
		return SOURCE_WAIT;
	what = r->source->ops->next(r->source, &ev);
	switch (what) {
	case SOURCE_EVENT:
		tally_read(r->tally, &ev);
		if (!run_wanted(run, &ev))
			run_advance(run);
		else if (filter_put(r->filter, &ev, run_source_mark(run),
			     r->source->ops->once != NULL
				 ? r->source->ops->once(r->source)
				 : TEXT(""),
			     false) == -1)
			run_nomem(run);
		return SOURCE_EVENT;
	case SOURCE_WAIT:
		run_advance(run);
		return SOURCE_WAIT;
	case SOURCE_END:
		run->drained = true;
		filter_close(r->filter);
		return SOURCE_EVENT;
	default:
		notice(run, what, &ev);
		return SOURCE_EVENT;
	}
}

static enum source_what
filter_failed(struct run *run)
{
	warnx("%s", filter_fault(run->r->filter));
	run_end(run, filter_status(run->r->filter));
	return SOURCE_WAIT;
}

/* The next event by way of the filter. */
static enum source_what
filtered(struct run *run)
{
	struct filter *f = run->r->filter;

	while (!run->ending) {
		switch (filter_next(f, &run->ev)) {
		case FILTER_EVENT:
			return SOURCE_EVENT;
		case FILTER_DONE:
			if (filter_none(f))
				tally_add(run->r->tally, TALLY_FILTERED, 1);
			run_advance_to(run, filter_mark(f));
			continue;
		case FILTER_QUIET:
			if (run->r->verbose >= 0)
				warnx("filter: no answer for %d s; it is to "
				      "answer each line, an empty line for "
				      "nothing, and not to buffer",
				    FILTER_QUIET_MS / 1000);
			continue;
		case FILTER_END:
			return SOURCE_END;
		case FILTER_FAULT:
			return filter_failed(run);
		case FILTER_WAIT:
			break;
		}
		if (send_to_filter(run) == SOURCE_WAIT)
			return SOURCE_WAIT;
	}
	return SOURCE_WAIT;
}

static enum source_what
next_event(struct run *run)
{
	const struct relay *r = run->r;
	enum source_what what;

	if (r->filter != NULL)
		return filtered(run);
	what = r->source->ops->next(r->source, &run->ev);
	if (what == SOURCE_EVENT)
		tally_read(r->tally, &run->ev);
	return what;
}

/* The events of one answer go into one batch, for they share the mark. */
static bool
has_room(const struct run *run)
{
	const struct relay *r = run->r;

	return (r->filter != NULL && !filter_first(r->filter)) ||
	    r->sink->ops->room(r->sink, &run->ev);
}

/* Take from the source what it has, as far as the sink has room. */
static void
pull(struct run *run)
{
	enum source_what what;

	while (!run->ending) {
		if (!run->held) {
			what = next_event(run);
			if (what == SOURCE_WAIT)
				break;
			if (what != SOURCE_EVENT) {
				notice(run, what, &run->ev);
				continue;
			}
		}
		run->held = true;
		if (!has_room(run))
			return;
		run_carry(run);
	}
	if (run->ending)
		return;
	/* Nothing is behind the gap yet, and those who read are to know. */
	run_give_gap(run, NULL);
	/* Without events the mark moves, too. */
	if (run->r->filter == NULL)
		run_advance(run);
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
	free(run->gap);
	run->gap = NULL;
	tally_add(run->r->tally, TALLY_REWINDS, 1);
	if (run->r->filter != NULL)
		filter_forget(run->r->filter);
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

	announce(run, false);
	run->deadline_ms = clock_mono_ms() + FINISH_MS;
	if (s->ops->stop != NULL)
		s->ops->stop(s);
	else
		run_end(run, EX_OK);
}

/* Returns how long until it is to be said again, or -1. */
static int
say_alive(struct run *run)
{
	int64_t now = clock_mono_ms();

	if (run->r->alive_ms == 0)
		return -1;
	if (now >= run->alive_ms) {
		run->alive_ms = now + run->r->alive_ms;
		run->r->alive();
	}
	return (int)(run->alive_ms - now);
}

/* The shorter of two waits, of which -1 is for ever. */
static int
sooner(int a, int b)
{
	return a == -1 || (b != -1 && b < a) ? b : a;
}

static void
wait_for_more(struct run *run)
{
	const struct relay *r = run->r;
	struct pollfd p[3 + FILTER_FDS];
	int64_t left_ms = run->deadline_ms - clock_mono_ms();
	int timeout_ms = sooner(
	    r->sink->ops->wants(r->sink, &p[0]), say_alive(run));
	unsigned int n = 3;
	bool asleep = run->held || run->ending || run->drained;
	int rc;

	if (left_ms < 0)
		left_ms = 0;
	if (left_ms < INT_MAX)
		timeout_ms = sooner(timeout_ms, (int)left_ms);
	p[1] = (struct pollfd){ interrupt_signal() != 0 ? -1 : interrupt_fd(),
		POLLIN, 0 };
	p[2] = (struct pollfd){ usr1_ends[0], POLLIN, 0 };
	if (r->filter != NULL) {
		timeout_ms = sooner(timeout_ms,
		    filter_wants(r->filter, &p[n], !run->held && !run->ending));
		n += FILTER_FDS;
		asleep = asleep || !filter_room(r->filter);
	}
	/* A source that is not read must not wake us either. */
	if (asleep)
		rc = poll(p, n, timeout_ms);
	else
		rc = r->source->ops->wait(r->source, p, n, timeout_ms);
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

/* What came of the sink's last step, for those who look. */
static void
note_progress(struct run *run)
{
	const struct relay *r = run->r;
	struct sse_text done;

	if (r->sink->refused > 0) {
		tally_add(r->tally, TALLY_BAD, r->sink->refused);
		r->sink->refused = 0;
		run->refused = true;
	}
	atomic_store_explicit(&r->tally->waiting,
	    r->sink->ops->waiting(r->sink), memory_order_relaxed);
	atomic_store_explicit(&r->tally->held, run->held, memory_order_relaxed);
	if (r->source->ops->taken == NULL)
		return;
	done = r->sink->ops->done(r->sink);
	if (done.len == 0 || mark_is(&run->done, done))
		return;
	r->source->ops->taken(r->source, done);
	if (mark_set(&run->done, done) == -1)
		run_nomem(run);
}

/* Until nothing is left to do: an exit status. */
static int
turn(struct run *run)
{
	const struct relay *r = run->r;
	struct sink *k = r->sink;

	for (;;) {
		usr1_answer(run);
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
		note_progress(run);
		if (run->ending && k->ops->settled(k))
			return run->status == EX_OK && run->refused
			    ? EX_PROTOCOL
			    : run->status;
		if (run->held && !run->ending && has_room(run))
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

	r->tally->began_ms = clock_mono_ms();
	status = turn(&run);
	announce(&run, false);
	if (status != EX_OK || interrupt_signal() != 0)
		say_undelivered(&run);
	if (r->stats)
		say_stats(&run);
	free(run.gap);
	mark_free(&run.done);
	return status;
}
