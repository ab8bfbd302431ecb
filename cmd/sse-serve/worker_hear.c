#include "ack.h"
#include "conn.h"
#include "inquiry.h"
#include "post.h"
#include "survey.h"
#include "worker_inner.h"

static void
hear_message(struct worker *w, struct notice *n)
{
	struct channel *ch = channel_find(
	    &w->channels, message_channel(n->message));

	/* Before the log has come, what is said will be in it. */
	if (ch == NULL || !ch->attached)
		return;
	ch->drop_to = place_max(ch->drop_to, n->drop);
	(void)channel_publish(&w->channels, ch, n->message);
	n->message = NULL;
}

static void
hear_attached(struct worker *w, struct notice *n)
{
	struct channel *ch = channel_find(&w->channels, n->name);

	w->era.horizon = place_max(w->era.horizon, n->place);
	w->era.birth = n->birth;
	if (ch == NULL || ch->attached)
		return;
	replay_drop_to(&ch->log, n->drop);
	for (size_t i = 0; i < n->backlog->n; i++) {
		if (replay_append(&ch->log, n->backlog->messages[i]) == -1)
			return; /* still not attached: they are refused */
		n->backlog->messages[i] = NULL;
	}
	ch->attached = true;
	channel_each(ch, conn_attached, NULL);
}

/* What some readers waited for: they read it in this turn. */
static void
hear_page(struct worker *w, struct notice *n)
{
	struct channel *ch = channel_find(&w->channels, n->name);

	if (ch == NULL || !ch->attached)
		return;
	channel_turn_page(
	    ch, n->place, n->drop, n->backlog->messages, n->backlog->n);
	worker_serve_channel(w, ch);
}

/* What those wait for who are to begin further back than memory goes. */
static void
hear_back(struct worker *w, struct notice *n)
{
	struct channel *ch = channel_find(&w->channels, n->name);
	struct leaf leaf = { n->place, n->drop, n->backlog->messages,
		n->backlog->n };

	if (ch == NULL)
		return;
	ch->asked_back = false;
	channel_each(ch, conn_sought, &(struct conn_leaf){ ch, &leaf });
}

/*
 * The logs come anew, in the same letter.  Who reads them finds by the era that
 * there is a gap, and what is behind it.
 */
static void
hear_forget(struct worker *w, const struct notice *n)
{
	struct channel *ch;

	w->era.forks++;
	w->era.fresh = n->place;
	for (ch = named_first(&w->channels.tree); ch != NULL;
	     ch = named_next(&ch->named)) {
		channel_forget(ch);
		channel_mark(&w->channels, ch);
	}
}

static void
hear_synced(struct worker *w, const struct notice *n)
{
	struct hurry *h, *next;

	w->era.horizon = place_max(w->era.horizon, n->place);
	TAILQ_FOREACH_SAFE(h, &w->sweep.hurried, entry, next)
		conn_synced(h->conn);
}

static void
hear_drop(struct worker *w, const struct notice *n)
{
	struct channel *ch = channel_find(&w->channels, n->name);

	if (ch == NULL || !ch->attached)
		return;
	ch->drop_to = place_max(ch->drop_to, n->drop);
	channel_mark(&w->channels, ch);
}

void
worker_hear(struct worker *w, struct notice *n)
{
	switch (n->what) {
	case NOTICE_MESSAGE:
		hear_message(w, n);
		break;
	case NOTICE_DROP:
		hear_drop(w, n);
		break;
	case NOTICE_ATTACHED:
		hear_attached(w, n);
		break;
	case NOTICE_HORIZON:
		w->era.horizon = place_max(w->era.horizon, n->place);
		w->era.birth = n->birth;
		break;
	case NOTICE_FORK:
		w->era.fork = (struct bus_fork){ n->place, n->drop };
		break;
	case NOTICE_PAGE:
		hear_page(w, n);
		break;
	case NOTICE_BACK:
		hear_back(w, n);
		break;
	case NOTICE_FORGET:
		hear_forget(w, n);
		break;
	case NOTICE_SYNCED:
		hear_synced(w, n);
		break;
	case NOTICE_POSTED:
		conn_posted(n->post);
		n->post = NULL;
		break;
	case NOTICE_COUNT:
		survey_post(w, n->post);
		worker_tell(w,
		    &(struct notice){
			.what = NOTICE_COUNTED, .post = n->post });
		n->post = NULL;
		break;
	case NOTICE_INQUIRY:
		survey_worker(w, n->inquiry);
		worker_tell(w,
		    &(struct notice){
			.what = NOTICE_INQUIRE, .inquiry = n->inquiry });
		n->inquiry = NULL;
		break;
	case NOTICE_ACKED:
		conn_acked(n->ack);
		n->ack = NULL;
		break;
	case NOTICE_INQUIRED:
		conn_inquired(n->inquiry);
		n->inquiry = NULL;
		break;
	case NOTICE_END:
		worker_serve(w);
		w->ended = true;
		sweep_all(&w->sweep, conn_finish);
		break;
	case NOTICE_STOP:
		closing_begin(w);
		break;
	case NOTICE_LEAVE:
		sweep_all(&w->sweep, conn_kill);
		ev_break(w->loop, EVBREAK_ALL);
		break;
	default:
		break;
	}
}
