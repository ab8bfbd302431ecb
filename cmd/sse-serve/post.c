#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "post.h"

struct post *
post_new(void)
{
	struct post *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->status = 200;
	return p;
}

void
post_free(struct post *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->events[i]);
	free(p->events);
	for (size_t i = 0; i < p->nleft; i++)
		free(p->left[i].why);
	free(p->left);
	free(p->reached);
	free(p->once);
	free(p->producer);
	sse_buf_free(&p->answer);
	free(p);
}

void
post_cut(struct post *p, size_t n)
{
	while (p->n > n)
		free(p->events[--p->n]);
}

void
post_refuse(struct post *p, int status, const char *why)
{
	p->status = status;
	p->answer.len = 0;
	/* Without memory for the words the status has to do. */
	if (sse_buf_append(&p->answer, why, strlen(why)) == 0)
		(void)sse_buf_append(&p->answer, "\n", 1);
}

void
post_published(struct post *p, struct sse_text id)
{
	p->done++;
	if (p->status != 200)
		return;
	if (sse_buf_reserve(&p->answer, id.len + 1) == -1) {
		post_refuse(p, 503, "published, but out of memory for the IDs");
		return;
	}
	(void)sse_buf_append(&p->answer, id.ptr, id.len);
	(void)sse_buf_append(&p->answer, "\n", 1);
}

/* Where events of this channel are counted; NULL with ENOMEM. */
static struct post_left *
left_of(struct post *p, struct sse_text channel, struct sse_text why)
{
	struct post_left *l;

	for (size_t i = 0; i < p->nleft; i++) {
		l = &p->left[i];
		if (l->channel.len == 0 ||
		    (l->channel.len == channel.len &&
			memcmp(l->channel.ptr, channel.ptr, channel.len) == 0))
			return l;
	}
	if (p->left == NULL &&
	    (p->left = calloc(POST_LEFT_MAX + 1, sizeof(*p->left))) == NULL)
		return NULL;
	l = &p->left[p->nleft];
	if (p->nleft < POST_LEFT_MAX)
		l->channel = channel;
	if ((l->why = strndup(why.ptr, why.len)) == NULL)
		return NULL;
	p->nleft++;
	return l;
}

void
post_left_out(struct post *p, struct sse_text why)
{
	struct post_left *l = left_of(p, p->events[p->done]->channel, why);

	if (l != NULL)
		l->n++;
	else if (p->status == 200)
		post_refuse(p, 503, "out of memory; not all is published");
	post_published(p, TEXT(""));
}

/* How many events of how many, which, and why: a line. */
static int
tell_left(struct sse_buf *b, const struct post *p, const struct post_left *l)
{
	bool named = l->channel.len > 0;
	char line[CHANNEL_MAX + 448];
	int len;

	len = snprintf(line, sizeof(line),
	    "%zu of %zu event%s not published: %s%.*s%s%.320s\n", l->n, p->n,
	    p->n == 1 ? " is" : "s are", named ? "channel " : "other channels",
	    named ? (int)l->channel.len : 0, named ? l->channel.ptr : "",
	    named ? ": " : "", named ? l->why : "");
	return sse_buf_append(b, line, (size_t)len);
}

void
post_conclude(struct post *p)
{
	struct sse_buf b = { 0 };
	int error = 0;

	if (p->status != 200 || p->nleft == 0)
		return;
	for (size_t i = 0; i < p->nleft && error == 0; i++)
		error = tell_left(&b, p, &p->left[i]);
	if (error == 0)
		error = sse_buf_append(&b, p->answer.ptr, p->answer.len);
	if (error == -1) {
		sse_buf_free(&b);
		post_refuse(p, 422, "not all events are published");
		return;
	}
	sse_buf_free(&p->answer);
	p->answer = b;
	p->status = 422;
}

void
post_forget_reached(struct post *p)
{
	free(p->reached);
	p->reached = NULL;
}

int64_t
post_reached(const struct post *p)
{
	uint64_t least;

	if (p->reached == NULL || p->status != 200)
		return -1;
	least = p->reached[0];
	for (size_t i = 1; i < p->n; i++)
		if (p->reached[i] < least)
			least = p->reached[i];
	return (int64_t)least;
}

void
post_repeated(struct post *p, struct sse_text ids)
{
	p->done = p->n;
	post_forget_reached(p);
	if (sse_buf_append(&p->answer, ids.ptr, ids.len) == -1)
		post_refuse(p, 503, "published, but out of memory for the IDs");
}

static int
add(struct post *p, const struct event *ev)
{
	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 1 : p->cap * 2;
		struct event **grown = reallocarray(
		    p->events, cap, sizeof(*grown));

		if (grown == NULL)
			return -1;
		p->events = grown;
		p->cap = cap;
	}
	if ((p->events[p->n] = event_dup(ev)) == NULL)
		return -1;
	p->n++;
	return 0;
}

/* Returns 1 when the event was taken, 0 when the post is refused for it. */
static int
take(struct post *p, const struct route *r, const struct identity *who,
    bool open, struct event *ev)
{
	const char *fault;

	if (ev->channel.len == 0)
		ev->channel = r->channel;
	if (ev->channel.len == 0) {
		post_refuse(p, 400,
		    "an event names no channel: name it there, or POST to "
		    "/events/CHANNEL");
		return 0;
	}
	if (r->format == INPUT_WHOLE) {
		ev->type = r->type;
		ev->id = r->id;
		ev->has_id = r->has_id;
	}
	if (!identity_may_publish(who, ev->channel, open)) {
		post_refuse(
		    p, 403, "publishing to this channel is not allowed");
		return 0;
	}
	if ((fault = event_fault(ev)) != NULL) {
		post_refuse(p, 400, fault);
		return 0;
	}
	return add(p, ev) == -1 ? -1 : 1;
}

static int
read_all(struct post *p, struct input *in, const struct route *r,
    const struct identity *who, bool open, struct sse_text body)
{
	struct event ev;
	size_t used;
	int got;

	for (;;) {
		got = input_feed(in, body.ptr, body.len, &used, &ev);
		body.ptr += used;
		body.len -= used;
		if (got == 0)
			got = input_end(in, &ev);
		if (got == 0 && input_unfinished(in)) {
			post_refuse(
			    p, 400, "the last event lacks its blank line");
			return 0;
		}
		if (got == 0)
			return 0;
		if (got == -1) {
			post_refuse(p, input_too_large(in) ? 413 : 400,
			    input_fault(in));
			return 0;
		}
		if (got == -2)
			return -1;
		if ((got = take(p, r, who, open, &ev)) != 1)
			return got;
	}
}

static int
copy(char **to, struct sse_text t)
{
	return t.len == 0 || (*to = strndup(t.ptr, t.len)) != NULL ? 0 : -1;
}

/* By what a repeat is to be known. */
static int
take_repeats(struct post *p, const struct route *r)
{
	if (r->once.len > 0 && p->n != 1)
		post_refuse(p, 400, "Idempotency-Key is for one event");
	else if (r->producer.len > 0 && p->n > POST_NUMBERED_MAX)
		post_refuse(
		    p, 413, "a numbered batch is of 1000 events at most");
	p->number = r->number;
	if (r->ask_reached && p->status == 200 &&
	    (p->reached = calloc(p->n, sizeof(*p->reached))) == NULL)
		return -1;
	return copy(&p->once, r->once) == -1 ||
		copy(&p->producer, r->producer) == -1
	    ? -1
	    : 0;
}

int
post_read(struct post *p, const struct route *r, const struct identity *who,
    bool open, struct sse_text body, size_t max_event)
{
	struct input *in = input_new(r->format, max_event);
	int error;

	if (in == NULL)
		return -1;
	error = read_all(p, in, r, who, open, body);
	input_free(in);
	if (error == 0 && p->status == 200 && p->n == 0)
		post_refuse(p, 400, "the body holds no event");
	if (error == 0 && p->status == 200)
		error = take_repeats(p, r);
	return error;
}
