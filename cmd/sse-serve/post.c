#include <errno.h>
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
