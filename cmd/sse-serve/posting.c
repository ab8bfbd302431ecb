#include <err.h>
#include <errno.h>

#include "hub_inner.h"
#include "post.h"
#include "posting.h"
#include "source_redis.h"

/* p is published: should it come again it is to be known. */
static void
note_repeats(struct hub *h, const struct post *p)
{
	if (p->status == 200 && repeats_note(&h->repeats, p) == -1)
		warnx("out of memory: a repeat of what was published now would "
		      "be published again");
}

void
posting_done(struct hub *h, struct post *p)
{
	struct notice n = { .what = NOTICE_POSTED, .post = p };

	if (p->reached == NULL || p->status != 200 || p->asked >= h->nports) {
		hub_tell(h, p->worker, &n);
		return;
	}
	n.what = NOTICE_COUNT;
	hub_tell(h, p->asked++, &n);
}

void
posting_written(struct hub *h, struct post *p, struct sse_text id)
{
	post_published(p, id);
	if (p->done >= p->n && h->journal != NULL) {
		note_repeats(h, p);
		posting_done(h, p);
	}
}

/* What cannot be published from the ith event on is cut off. */
static void
cut_post(struct post *p, size_t i)
{
	post_refuse(p, errno == EINVAL ? 400 : 503,
	    errno == EINVAL ? "the event cannot be encoded"
			    : "not all events were taken, try again later");
	post_cut(p, i);
}

/* Publish the events of p, as many as can be. */
static void
publish_events(struct hub *h, struct post *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (hub_publish(h, p->events[i], p) == -1) {
			cut_post(p, i);
			return;
		}
}

/* What fits no message of Redis is refused with all that came with it. */
static bool
fits_redis(struct post *p)
{
	const char *fault = NULL;

	for (size_t i = 0; i < p->n && fault == NULL; i++)
		fault = bus_event_fault(p->events[i]);
	if (fault != NULL) {
		post_refuse(p, 413, fault);
		post_cut(p, 0);
	}
	return fault == NULL;
}

static void
publish_to_redis(struct hub *h, struct post *p)
{
	if (!fits_redis(p))
		return;
	if (!source_redis_up(h->redis)) {
		post_refuse(p, 503, "Redis is awaited, try again later");
		post_cut(p, 0);
	} else if (p->producer == NULL)
		publish_events(h, p);
	else if (source_redis_publish_batch(h->redis, p) == -1)
		cut_post(p, 0);
}

/* Publish p unless it is a repeat; Redis knows that of itself. */
static void
publish_post(struct hub *h, struct post *p)
{
	if (h->redis != NULL) {
		publish_to_redis(h, p);
		return;
	}
	/* What is not written yet is not known to have been published. */
	if (p->once != NULL || p->producer != NULL)
		(void)hub_commit(h);
	if (repeats_answer(&h->repeats, p))
		return;
	publish_events(h, p);
	if (p->done >= p->n)
		note_repeats(h, p);
}

void
posting_hear(struct hub *h, struct post *p)
{
	publish_post(h, p);
	/* What is on its way to Redis is answered from there. */
	if (p->done >= p->n)
		posting_done(h, p);
}
