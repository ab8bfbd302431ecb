#include <err.h>
#include <sysexits.h>

#include "conn.h"
#include "worker_inner.h"

void
worker_tell(struct worker *w, const struct notice *n)
{
	struct notice mine = *n;

	mine.worker = w->id;
	/* The hub would not know what is awaited of it. */
	if (notices_add(&w->out, &mine) == -1)
		err(EX_SOFTWARE, "notices");
}

static void
ask_page(struct worker *w, enum notice_what what, const struct channel *ch,
    struct place p)
{
	struct sse_text name = name_dup(ch->named.name);

	if (name.ptr == NULL)
		err(EX_SOFTWARE, "notices");
	worker_tell(w,
	    &(struct notice){ .what = what,
		.name = name,
		.place = p,
		.drop = ch->log.dropped });
}

/* Ask for the pages that readers wait for, of a channel one at a time. */
static void
tell_wishes(struct worker *w)
{
	struct channel *ch;
	struct place p;

	while ((ch = channel_next_wish(&w->channels, &p)) != NULL)
		ask_page(w, NOTICE_PAGE, ch, p);
	while ((ch = channel_next_wish_back(&w->channels, &p)) != NULL)
		ask_page(w, NOTICE_BACK, ch, p);
}

/* How far everyone is: where those are who are behind, else the horizon. */
static void
tell_settled(struct worker *w)
{
	struct place slowest = w->era.horizon, cursor;

	for (size_t i = 0; i < SWEEP_SLOTS; i++)
		for (uint32_t j = 0; j < w->sweep.slots[i].n; j++)
			if (conn_behind(w->sweep.slots[i].v[j], &cursor) &&
			    place_cmp(cursor, slowest) < 0)
				slowest = cursor;
	if (place_cmp(slowest, w->settled) <= 0)
		return;
	w->settled = slowest;
	worker_tell(
	    w, &(struct notice){ .what = NOTICE_SLOWEST, .place = slowest });
}

static void
tell_idle(struct worker *w)
{
	if ((!w->ended && !w->stopping) || w->sweep.n > 0) {
		w->idle_told = false;
		return;
	}
	if (!w->idle_told)
		worker_tell(w, &(struct notice){ .what = NOTICE_IDLE });
	w->idle_told = true;
}

void
worker_report(struct worker *w)
{
	if (w->conf->lag == LAG_WAIT)
		tell_settled(w);
	tell_idle(w);
	tell_wishes(w);
	(void)mailbox_post(w->hub, &w->out);
}
