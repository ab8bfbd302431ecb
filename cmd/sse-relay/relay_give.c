#include <err.h>
#include <stdlib.h>
#include <sysexits.h>

#include "gap.h"
#include "place.h"
#include "relay_inner.h"
#include "units.h"
#include "visible.h"

void
run_end(struct run *run, int status)
{
	run->ending = true;
	run->status = status;
}

void
run_nomem(struct run *run)
{
	warnx("out of memory");
	run_end(run, EX_SOFTWARE);
}

const char *
run_where(const struct run *run)
{
	return run->r->source->ops->where(run->r->source);
}

struct sse_text
run_source_mark(const struct run *run)
{
	const struct source_ops *ops = run->r->source->ops;

	return ops->mark != NULL ? ops->mark(run->r->source) : TEXT("");
}

/* The key of the event at hand. */
static struct sse_text
once(const struct run *run)
{
	const struct source_ops *ops = run->r->source->ops;

	if (run->r->filter != NULL)
		return filter_once(run->r->filter);
	return ops->once != NULL ? ops->once(run->r->source) : TEXT("");
}

void
run_advance_to(struct run *run, struct sse_text mark)
{
	const struct sink *k = run->r->sink;

	if (!run->ending && mark.len > 0 &&
	    k->ops->advance(run->r->sink, mark) == -1)
		run_nomem(run);
}

/* The source has handed out all up to its mark. */
void
run_advance(struct run *run)
{
	struct sse_text mark = run_source_mark(run);
	int rc = 1;

	if (run->r->filter != NULL)
		rc = filter_advance(run->r->filter, mark);
	if (rc == 1)
		run_advance_to(run, mark);
	else if (rc == -1)
		run_nomem(run);
}

static void
bad_event(struct run *run, const struct event *ev, const char *fault)
{
	char id[SHOWN_BYTES];

	tally_add(run->r->tally, TALLY_BAD, 1);
	if (run->r->strict) {
		warnx("%s: %s", run_where(run), fault);
		run_end(run, EX_DATAERR);
	} else {
		warnx("%s: event %s is passed over: %s", run_where(run),
		    visible_line(ev->id, id, sizeof(id)), fault);
	}
}

static void
been_here(struct run *run)
{
	tally_add(run->r->tally, TALLY_LOOPS, 1);
	if (!run->loop_told && run->r->verbose >= 0)
		warnx("%s: what has been through %s before is dropped: the "
		      "relays form a circle",
		    run_where(run), run->r->carry->name);
	run->loop_told = true;
}

/* Is it to be carried?  What is not is counted. */
bool
run_wanted(struct run *run, const struct event *ev)
{
	/* Most events do not expire, and need no clock. */
	int64_t now_ms = ev->expires_ms >= 0 ? clock_unix_ms() : 0;

	switch (carry_look(run->r->carry, ev, now_ms)) {
	case CARRY_LOOP:
		been_here(run);
		return false;
	case CARRY_EXPIRED:
		tally_add(run->r->tally, TALLY_EXPIRED, 1);
		return false;
	case CARRY_ON:
		return true;
	default:
		return false;
	}
}

/* An event into the sink, which has room for it. */
static void
give(struct run *run, struct event *ev, struct sse_text key)
{
	const struct relay *r = run->r;
	const char *fault = NULL;

	if (!run_wanted(run, ev))
		return;
	switch (carry_event(r->carry, ev, &fault)) {
	case CARRY_LOST:
		warnx("%s: %s", run_where(run), fault);
		run_end(run, EX_DATAERR);
		break;
	case CARRY_BAD:
		bad_event(run, ev, fault);
		break;
	case CARRY_NOMEM:
		run_nomem(run);
		break;
	default:
		if (r->sink->ops->add(r->sink, ev, key) == -1)
			run_nomem(run);
		else
			tally_add(r->tally, TALLY_TAKEN, 1);
	}
}

/*
 * The place in front of next, for a gap: one minted now would keep what comes
 * behind it, and is older, from having its own place.
 */
static void
place_gap(struct event *gap, const struct event *next, char id[PLACE_LEN])
{
	struct place p;

	if (next == NULL || !next->has_id ||
	    !place_parse(next->id.ptr, next->id.len, &p) || p.ms == 0)
		return;
	if (p.seq-- == 0)
		p.ms--;
	gap->id = (struct sse_text){ id, place_format(p, id) };
	gap->has_id = true;
}

/*
 * A gap that was kept goes in front of the event behind it (NULL: there is none
 * yet), into the same batch: until then the mark stands before the gap.
 */
void
run_give_gap(struct run *run, const struct event *next)
{
	const struct relay *r = run->r;
	struct event *gap = run->gap;
	char id[PLACE_LEN];
	size_t n = r->nchannels;

	run->gap = NULL;
	if (gap == NULL || !r->sink->gaps) {
		free(gap);
		return;
	}
	if (!gap->has_id)
		place_gap(gap, next, id);
	if (gap->channel.len > 0 || r->carry->channel != NULL || n == 0)
		n = 1;
	for (size_t i = 0; i < n && !run->ending; i++) {
		struct event ev = *gap;

		if (n > 1 || (ev.channel.len == 0 && r->nchannels == 1))
			ev.channel = text_of(r->channels[i]);
		/* Where it belongs nobody can say. */
		if (ev.channel.len == 0 && r->carry->channel == NULL &&
		    r->carry->routed)
			break;
		give(run, &ev, TEXT(""));
	}
	free(gap);
}

void
run_keep_gap(struct run *run, const struct event *ev)
{
	struct event *copy = event_dup(ev);

	run_give_gap(run, NULL);
	if (copy == NULL)
		run_nomem(run);
	run->gap = copy;
}

void
run_carry(struct run *run)
{
	run->held = false;
	if (gap_is(&run->ev)) {
		run_keep_gap(run, &run->ev);
		return;
	}
	run_give_gap(run, &run->ev);
	give(run, &run->ev, once(run));
	if (run->r->filter == NULL)
		run_advance(run);
}
