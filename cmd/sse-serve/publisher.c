#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub.h"
#include "post.h"
#include "posting.h"
#include "publisher.h"
#include "units.h"

#define PARCELS_ROOM 2  /* standard input is held at so many */
#define PARCELS_MAX 256 /* and posts are refused */
#define BUSY_S 0.1
#define POST_S 2. /* a POST waits no longer for a Redis that is busy */
#define POST_PRODUCER "post-" /* lest it be taken for one of ours */

static void
name_anew(struct publisher *p)
{
	snprintf(p->name, sizeof(p->name), "serve-%08" PRIx32 "%08" PRIx32,
	    arc4random(), arc4random());
	p->number = 0;
}

static void
parcel_free(struct parcel *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->nshares; i++) {
		struct post *post = c->shares[i].post;

		/* The last share of a post is the one that frees it. */
		if (post != NULL && (post->done += c->shares[i].n) >= post->n)
			post_free(post);
	}
	free(c->shares);
	bus_batch_free(c->batch);
	free(c);
}

static struct parcel *
parcel_new(const struct bus_conf *conf)
{
	struct parcel *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->batch = bus_batch_new(conf)) == NULL) {
		parcel_free(c);
		return NULL;
	}
	return c;
}

/* One more event of post in c; the first one takes the post. */
static int
parcel_share(struct parcel *c, struct post *post)
{
	if (c->nshares > 0 && c->shares[c->nshares - 1].post == post) {
		c->shares[c->nshares - 1].n++;
		return 0;
	}
	if (c->nshares == c->cap) {
		size_t cap = c->cap == 0 ? 1 : c->cap * 2;
		struct share *grown = reallocarray(
		    c->shares, cap, sizeof(*grown));

		if (grown == NULL)
			return -1;
		c->shares = grown;
		c->cap = cap;
	}
	c->shares[c->nshares++] = (struct share){ post, 1 };
	return 0;
}

/* A post whose last events are in a later parcel is not finished here. */
static void
finish_share(struct publisher *p, struct share *s)
{
	struct post *post = s->post;

	s->post = NULL;
	if (post == NULL || post->done < post->n)
		return;
	post_conclude(post);
	posting_done(p->hub, post);
}

static void
parcel_done(struct publisher *p, struct parcel *c)
{
	TAILQ_REMOVE(&p->parcels, c, entry);
	p->nparcels--;
	parcel_free(c);
	hub_resume(p->hub);
}

/* One event is not published, those around it are. */
static void
left_out(struct publisher *p, struct post *post, struct sse_text why)
{
	if (hush_says(&p->hub->hush, clock_unix_ms()))
		warnx("%.*s: an event for it is not published", (int)why.len,
		    why.ptr);
	if (post != NULL)
		post_left_out(post, why);
	else {
		p->hub->faulty = true;
		p->hub->counters.input_faults++;
	}
}

/* One event of post is published, now or before. */
static void
told(const struct parcel *c, struct post *post, const struct bus_minted *m)
{
	/* Of a batch before the last the IDs are forgotten. */
	if (c->foreign && place_is_zero(m->place))
		post_refuse(post, 409, POST_OUT_OF_ORDER);
	if (m->repeated)
		post_forget_reached(post);
	if (m->keyed)
		post->known = true;
	post_published(post, m->id);
}

static void
published(
    struct publisher *p, struct parcel *c, const struct bus_minted *minted)
{
	size_t at = 0;

	for (size_t i = 0; i < c->nshares; i++) {
		struct share *s = &c->shares[i];

		for (size_t j = 0; j < s->n; j++, at++) {
			p->last = place_max(p->last, minted[at].place);
			if (minted[at].refused.len > 0)
				left_out(p, s->post, minted[at].refused);
			else if (s->post != NULL)
				told(c, s->post, &minted[at]);
		}
		finish_share(p, s);
	}
	parcel_done(p, c);
}

/* Redis will not have it, now or ever: whoever sent it is told. */
static void
refused(struct publisher *p, struct parcel *c, int status, const char *why)
{
	if (status != 409 && p->busy_since == 0. &&
	    hush_says(&p->hub->hush, clock_unix_ms()))
		warnx("Redis refuses %zu events: %s", bus_batch_count(c->batch),
		    why);
	for (size_t i = 0; i < c->nshares; i++) {
		if (c->shares[i].post == NULL)
			continue;
		post_refuse(c->shares[i].post, status, why);
		c->shares[i].post->done += c->shares[i].n;
		finish_share(p, &c->shares[i]);
	}
	parcel_done(p, c);
}

/* A number that may have been used must not be used for anything else. */
static void
refused_numbered(
    struct publisher *p, struct parcel *c, int status, const char *why)
{
	if (!c->foreign)
		name_anew(p);
	refused(p, c, status, why);
}

/* Is it all of posts, which may be told to come again? */
static bool
is_posted(const struct parcel *c)
{
	for (size_t i = 0; i < c->nshares; i++)
		if (c->shares[i].post == NULL)
			return false;
	return true;
}

/* The input waits; what was posted goes back, also from behind the input. */
static void
refuse_posts(struct publisher *p, const char *why)
{
	struct parcel *c, *next;

	TAILQ_FOREACH_SAFE(c, &p->parcels, entry, next)
		if (!is_posted(c))
			continue;
		else if (c->numbered)
			refused_numbered(p, c, 503, why);
		else
			refused(p, c, 503, why);
}

/* It takes nothing at the moment. */
static void
busy(struct publisher *p, const char *why)
{
	double now = ev_now(p->hub->loop);

	if (p->busy_since == 0.) {
		p->busy_since = now;
		warnx("Redis takes no events: %s; trying again", why);
	} else if (now - p->busy_since >= POST_S)
		refuse_posts(p, why);
	ev_timer_set(&p->later, BUSY_S, 0.);
	ev_timer_start(p->hub->loop, &p->later);
}

static void
answered_ok(struct publisher *p, struct parcel *c, const redisReply *r)
{
	struct bus_minted *minted = calloc(
	    bus_batch_count(c->batch), sizeof(*minted));

	p->by_text = false;
	if (p->busy_since > 0.)
		warnx("Redis takes events again");
	p->busy_since = 0.;
	if (minted == NULL ||
	    bus_batch_answer(c->batch, r, minted, NULL) != BUS_OK)
		refused(p, c, 503, "out of memory");
	else
		published(p, c, minted);
	free(minted);
}

static void
answered(redisAsyncContext *context, void *reply, void *priv)
{
	struct publisher *p = priv;
	struct parcel *c = TAILQ_FIRST(&p->parcels);

	(void)context;
	p->flying = false;
	if (reply == NULL)
		return; /* the link is lost; it goes again with the next one */
	if (redis_async_elsewhere(p->link, reply))
		return;
	switch (bus_batch_answer(c->batch, reply, NULL, NULL)) {
	case BUS_OK:
		answered_ok(p, c, reply);
		break;
	case BUS_NOSCRIPT:
		p->by_text = true;
		break;
	case BUS_ORDER:
		if (c->foreign) {
			refused(p, c, 409, POST_OUT_OF_ORDER);
			break;
		}
		/* A failover has lost our number: begin another count. */
		name_anew(p);
		c->numbered = false;
		break;
	case BUS_BUSY:
		busy(p, bus_error(reply));
		break;
	default:
		refused_numbered(p, c, 503, bus_error(reply));
	}
}

static void
send_first(struct publisher *p)
{
	struct parcel *c = TAILQ_FIRST(&p->parcels);
	struct bus_command command = { 0 };

	if (c == NULL || p->flying || !p->link->up || ev_is_active(&p->later))
		return;
	if (!c->numbered &&
	    bus_batch_set_producer(c->batch, p->name, p->number + 1) == -1)
		return;
	if (!c->numbered)
		p->number++;
	c->numbered = true;
	if (bus_batch_command(c->batch, !p->by_text, &command) == -1)
		return;
	p->flying = redis_async_send(p->link, answered, p, &command) == 0;
	bus_command_free(&command);
}

static void
flush_ready(struct ev_loop *loop, ev_prepare *w, int revents)
{
	(void)loop;
	(void)revents;
	send_first(w->data);
}

static void
later_ready(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)t;
	(void)revents; /* The end of this turn sends. */
}

int
publisher_open(struct publisher *p, struct hub *h, struct redis_async *link)
{
	memset(p, 0, sizeof(*p));
	p->hub = h;
	p->link = link;
	TAILQ_INIT(&p->parcels);
	name_anew(p);
	ev_prepare_init(&p->flush, flush_ready);
	ev_init(&p->later, later_ready);
	p->flush.data = p->later.data = p;
	/* Before the hub's own, so that what it tells still leaves this turn. */
	ev_set_priority(&p->flush, EV_MAXPRI);
	ev_prepare_start(h->loop, &p->flush);
	return 0;
}

void
publisher_close(struct publisher *p)
{
	struct parcel *c;

	while ((c = TAILQ_FIRST(&p->parcels)) != NULL) {
		TAILQ_REMOVE(&p->parcels, c, entry);
		parcel_free(c);
	}
	ev_prepare_stop(p->hub->loop, &p->flush);
	ev_timer_stop(p->hub->loop, &p->later);
}

/* A new parcel behind all others.  NULL with ENOMEM or ENOBUFS. */
static struct parcel *
open_parcel(struct publisher *p)
{
	struct parcel *c;

	if (p->nparcels >= PARCELS_MAX) {
		errno = ENOBUFS;
		return NULL;
	}
	if ((c = parcel_new(&p->hub->conf->bus)) == NULL)
		return NULL;
	TAILQ_INSERT_TAIL(&p->parcels, c, entry);
	p->nparcels++;
	return c;
}

int
publisher_add(struct publisher *p, const struct event *ev, struct post *post)
{
	struct parcel *c = TAILQ_LAST(&p->parcels, parcel_list);
	const char *once = post == NULL ? NULL : post->once;

	/* The first one may be flying, and must not change then. */
	if ((c == NULL || c->numbered || bus_batch_full(c->batch) ||
		is_posted(c) != (post != NULL)) &&
	    (c = open_parcel(p)) == NULL)
		return -1;
	if (bus_batch_add(c->batch, ev, text_of(once)) == -1 ||
	    parcel_share(c, post) == -1)
		return -1;
	return publisher_room(p) ? 0 : 1;
}

/* Undo open_parcel(); the post is its owner's still. */
static void
drop_parcel(struct publisher *p, struct parcel *c)
{
	TAILQ_REMOVE(&p->parcels, c, entry);
	p->nparcels--;
	c->nshares = 0;
	parcel_free(c);
}

int
publisher_add_batch(struct publisher *p, struct post *post)
{
	struct parcel *c = open_parcel(p);
	char name[sizeof(POST_PRODUCER) + ROUTE_PRODUCER_MAX];

	if (c == NULL)
		return -1;
	snprintf(name, sizeof(name), "%s%s", POST_PRODUCER, post->producer);
	c->numbered = c->foreign = true;
	if (bus_batch_set_producer(c->batch, name, post->number) == -1) {
		drop_parcel(p, c);
		return -1;
	}
	for (size_t i = 0; i < post->n; i++)
		if (bus_batch_add(c->batch, post->events[i], text_of("")) ==
			-1 ||
		    parcel_share(c, post) == -1) {
			drop_parcel(p, c);
			return -1;
		}
	return 0;
}

bool
publisher_room(const struct publisher *p)
{
	return p->nparcels <= PARCELS_ROOM;
}

size_t
publisher_pending(const struct publisher *p)
{
	const struct parcel *c;
	size_t n = 0;

	TAILQ_FOREACH(c, &p->parcels, entry)
		n += bus_batch_count(c->batch);
	return n;
}

void
publisher_down(struct publisher *p)
{
	p->flying = false;
}
