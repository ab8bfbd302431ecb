#include <stdlib.h>
#include <string.h>

#include "hub.h"
#include "interest.h"

#define IDLE_S 3. /* a channel that nobody reads stays subscribed to */

int
interest_say(struct interest *in, const char *verb, struct sse_text pubsub)
{
	const char *argv[2] = { verb, pubsub.ptr };
	size_t argvlen[2] = { strlen(verb), pubsub.len };
	struct bus_command c = { .argc = 2, .argv = argv, .argvlen = argvlen };

	return redis_async_send(in->live, in->heard, in->arg, &c);
}

static void
subscribe(struct interest *in, struct topic *t)
{
	struct sse_buf b = { 0 };

	if (bus_topic(&in->hub->conf->bus, t->named.name, &b) == 0 &&
	    interest_say(in, "SUBSCRIBE", (struct sse_text){ b.ptr, b.len }) ==
		0)
		t->stage = TOPIC_SUBSCRIBING;
	sse_buf_free(&b);
}

static void
unsubscribe(struct interest *in, struct topic *t)
{
	struct sse_buf b = { 0 };

	if (bus_topic(&in->hub->conf->bus, t->named.name, &b) == 0 &&
	    interest_say(
		in, "UNSUBSCRIBE", (struct sse_text){ b.ptr, b.len }) == 0)
		t->stage = TOPIC_LEAVING;
	sse_buf_free(&b);
}

static void
set_idle(struct interest *in, struct topic *t, bool idle)
{
	if ((t->idle_since > 0.) == idle)
		return;
	t->idle_since = idle ? ev_now(in->hub->loop) : 0.;
	if (idle)
		TAILQ_INSERT_TAIL(&in->idle, t, by_idle);
	else
		TAILQ_REMOVE(&in->idle, t, by_idle);
}

void
interest_follow(struct interest *in, struct history *hist)
{
	struct topic *t = topic_get(&in->topics, hist->named.name);

	if (t == NULL)
		return;
	set_idle(in, t, false);
	t->wanted = true;
	if (t->stage == TOPIC_OFF && in->up)
		subscribe(in, t);
	else if (t->stage == TOPIC_LIVE && !hist->loaded) {
		/* Memory was short while nobody read it. */
		archive_empty(&in->hub->archive, hist);
		attach_add(in->attach, t);
	}
}

/* Nobody wants it any more: its log may have holes from here on. */
static void
forget_log(struct interest *in, const struct topic *t)
{
	struct history *hist = archive_find(&in->hub->archive, t->named.name);

	if (hist == NULL)
		return;
	hist->loaded = false;
	archive_empty(&in->hub->archive, hist);
}

static void
leave(struct interest *in, struct topic *t)
{
	set_idle(in, t, false);
	forget_log(in, t);
	attach_give_up(in->attach, t);
	/* Its SUBSCRIBE is to be confirmed first. */
	if (t->stage == TOPIC_SUBSCRIBING || t->stage == TOPIC_LEAVING)
		return;
	if (t->stage == TOPIC_OFF) {
		topic_free(&in->topics, t);
		return;
	}
	attach_forget(in->attach, t);
	unsubscribe(in, t);
}

/* Those that nobody has come back to. */
static void
leave_ready(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct interest *in = timer->data;
	struct topic *t;

	(void)revents;
	while ((t = TAILQ_FIRST(&in->idle)) != NULL &&
	    ev_now(loop) - t->idle_since >= IDLE_S)
		leave(in, t);
}

void
interest_unfollow(struct interest *in, struct history *hist)
{
	struct topic *t = named_find(&in->topics, hist->named.name);

	if (t != NULL && t->stage == TOPIC_LIVE && hist->loaded)
		set_idle(in, t, true);
	else if (t != NULL)
		leave(in, t);
	else
		archive_empty(&in->hub->archive, hist);
}

void
interest_confirmed(struct interest *in, struct sse_text name, bool yes)
{
	struct topic *t = named_find(&in->topics, name);

	if (t == NULL)
		return;
	if (yes && t->wanted)
		attach_add(in->attach, t);
	else if (yes)
		unsubscribe(in, t);
	else if (t->wanted)
		subscribe(in, t);
	else
		topic_free(&in->topics, t);
}

struct topic *
interest_find(struct interest *in, struct sse_text channel)
{
	return named_find(&in->topics, channel);
}

void
interest_up(struct interest *in)
{
	struct topic *t;

	in->up = true;
	for (t = named_first(&in->topics); t != NULL; t = named_next(&t->named))
		if (t->wanted && t->stage == TOPIC_OFF)
			subscribe(in, t);
}

/* What is not read is not subscribed to again. */
static void
lose(struct interest *in, struct topic *t)
{
	attach_forget(in->attach, t);
	if (t->idle_since > 0.) {
		set_idle(in, t, false);
		forget_log(in, t);
		t->wanted = false;
	}
	if (t->wanted)
		attach_resume(in->attach, t);
	else
		topic_free(&in->topics, t);
}

void
interest_down(struct interest *in)
{
	struct topic *t, *next;

	in->up = false;
	for (t = named_first(&in->topics); t != NULL; t = next) {
		next = named_next(&t->named);
		lose(in, t);
	}
}

void
interest_open(struct interest *in, struct hub *h, struct redis_async *live,
    struct attach *attach, redisCallbackFn *heard, void *arg)
{
	*in = (struct interest){ .hub = h,
		.live = live,
		.attach = attach,
		.heard = heard,
		.arg = arg };
	TAILQ_INIT(&in->idle);
	ev_timer_init(&in->leave, leave_ready, IDLE_S / 3, IDLE_S / 3);
	in->leave.data = in;
	ev_timer_start(h->loop, &in->leave);
}

void
interest_close(struct interest *in)
{
	struct topic *t;

	while ((t = named_first(&in->topics)) != NULL)
		topic_free(&in->topics, t);
	ev_timer_stop(in->hub->loop, &in->leave);
}
