#include "ack.h"
#include "fleet.h"
#include "hub_inner.h"
#include "inquiry.h"
#include "marking.h"
#include "post.h"
#include "posting.h"
#include "source_redis.h"
#include "survey.h"
#include "tell.h"

static void
hear_attach(struct hub *h, const struct notice *n)
{
	struct history *hist = archive_get(&h->archive, n->name);

	if (hist == NULL)
		return; /* the stream is refused in time */
	archive_follow(&h->archive, hist, n->worker);
	if (h->redis == NULL)
		hist->loaded = true;
	else
		source_redis_follow(h->redis, hist);
	if (hist->loaded)
		tell_log(h, hist, n->worker);
}

static void
hear_detach(struct hub *h, const struct notice *n)
{
	struct history *hist = archive_find(&h->archive, n->name);

	if (hist == NULL)
		return;
	if (h->redis != NULL &&
	    (hist->followers & ~(UINT64_C(1) << n->worker)) == 0)
		source_redis_unfollow(h->redis, hist);
	archive_unfollow(&h->archive, hist, n->worker);
}

static void
hear_sync(struct hub *h, const struct notice *n)
{
	if (h->redis != NULL)
		source_redis_sync(h->redis, n->worker);
	else
		hub_tell(h, n->worker,
		    &(struct notice){
			.what = NOTICE_SYNCED, .place = h->horizon });
}

/* It goes on to the next worker, and from the last to the one that asked. */
static void
hear_inquire(struct hub *h, struct notice *n)
{
	struct inquiry *q = n->inquiry;
	struct notice on = { .what = NOTICE_INQUIRY, .inquiry = q };

	n->inquiry = NULL;
	if (q->what.all && h->redis != NULL) {
		fleet_ask(h, source_redis_commands(h->redis), q);
		return;
	}
	if (q->next == 0)
		survey_hub(h, q);
	if (q->next < h->nports) {
		hub_tell(h, q->next++, &on);
		return;
	}
	if (q->conn == NULL) {
		inquiry_free(q);
		service_beat(&h->service);
		return;
	}
	on.what = NOTICE_INQUIRED;
	hub_tell(h, q->worker, &on);
}

int
hub_pulse(struct hub *h)
{
	static const struct inspect health = { .what = INSPECT_HEALTH };
	struct notice n = { .what = NOTICE_INQUIRE };

	if ((n.inquiry = inquiry_new(&health, NULL, NULL, 0)) == NULL)
		return -1;
	hear_inquire(h, &n);
	return 0;
}

void
hub_hear(struct hub *h, struct notice *n)
{
	switch (n->what) {
	case NOTICE_ATTACH:
		hear_attach(h, n);
		break;
	case NOTICE_DETACH:
		hear_detach(h, n);
		break;
	case NOTICE_PAGE:
	case NOTICE_BACK:
		source_redis_page(h->redis, n);
		break;
	case NOTICE_SYNC:
		hear_sync(h, n);
		break;
	case NOTICE_POST:
		posting_hear(h, n->post);
		n->post = NULL;
		break;
	case NOTICE_ACK:
		marking_hear(h, n->ack);
		n->ack = NULL;
		break;
	case NOTICE_COUNTED:
		posting_done(h, n->post);
		n->post = NULL;
		break;
	case NOTICE_HERE:
		presence_join(&h->presence, n->name);
		break;
	case NOTICE_GONE:
		presence_leave(&h->presence, n->name);
		break;
	case NOTICE_INQUIRE:
		hear_inquire(h, n);
		break;
	case NOTICE_DRAINED:
		h->ports[n->worker].full = false;
		break;
	case NOTICE_SLOWEST:
		hub_settled(h, n->worker, n->place);
		break;
	case NOTICE_IDLE:
		shutdown_idle(h, n->worker);
		break;
	default:
		break;
	}
}
