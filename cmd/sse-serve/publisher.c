#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub.h"
#include "post.h"
#include "publisher.h"

#define PARCELS_ROOM 2  /* standard input is held at so many */
#define PARCELS_MAX 256 /* and posts are refused */
#define BUSY_S 0.1

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
	hub_tell(p->hub, post->worker,
	    &(struct notice){ .what = NOTICE_POSTED, .post = post });
}

static void
parcel_done(struct publisher *p, struct parcel *c)
{
	TAILQ_REMOVE(&p->parcels, c, entry);
	p->nparcels--;
	parcel_free(c);
	hub_resume(p->hub);
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
			if (s->post != NULL)
				post_published(s->post, minted[at].id);
		}
		finish_share(p, s);
	}
	parcel_done(p, c);
}

/* Redis will not have it, now or ever: whoever sent it is told. */
static void
refused(struct publisher *p, struct parcel *c, const char *why)
{
	warnx("Redis refuses %zu events: %s", bus_batch_count(c->batch), why);
	for (size_t i = 0; i < c->nshares; i++) {
		if (c->shares[i].post == NULL)
			continue;
		post_refuse(c->shares[i].post, 503, why);
		c->shares[i].post->done += c->shares[i].n;
		finish_share(p, &c->shares[i]);
	}
	parcel_done(p, c);
}

static void
answered_ok(struct publisher *p, struct parcel *c, const redisReply *r)
{
	struct bus_minted *minted = calloc(
	    bus_batch_count(c->batch), sizeof(*minted));

	p->by_text = false;
	if (minted == NULL ||
	    bus_batch_answer(c->batch, r, minted, NULL) != BUS_OK)
		refused(p, c, "out of memory");
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
	switch (bus_batch_answer(c->batch, reply, NULL, NULL)) {
	case BUS_OK:
		answered_ok(p, c, reply);
		break;
	case BUS_NOSCRIPT:
		p->by_text = true;
		break;
	case BUS_ORDER:
		/* A failover has lost our number: begin another count. */
		name_anew(p);
		c->numbered = false;
		break;
	case BUS_BUSY:
		ev_timer_set(&p->later, BUSY_S, 0.);
		ev_timer_start(p->hub->loop, &p->later);
		break;
	default:
		/* Its number has not been used up. */
		p->number--;
		refused(p, c, bus_error(reply));
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

int
publisher_add(struct publisher *p, const struct event *ev, struct post *post)
{
	struct parcel *c = TAILQ_LAST(&p->parcels, parcel_list);

	/* The first one may be flying, and must not change then. */
	if (c == NULL || c->numbered || bus_batch_full(c->batch)) {
		if (p->nparcels >= PARCELS_MAX) {
			errno = ENOBUFS;
			return -1;
		}
		if ((c = parcel_new(&p->hub->conf->bus)) == NULL)
			return -1;
		TAILQ_INSERT_TAIL(&p->parcels, c, entry);
		p->nparcels++;
	}
	if (bus_batch_add(c->batch, ev, text_of("")) == -1 ||
	    parcel_share(c, post) == -1)
		return -1;
	return publisher_room(p) ? 0 : 1;
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
