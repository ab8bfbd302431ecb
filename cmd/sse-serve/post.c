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
	sse_buf_free(&p->answer);
	free(p);
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
	if (r->format == INPUT_WHOLE) {
		ev->type = r->type;
		ev->id = r->id;
		ev->has_id = r->has_id;
	}
	if ((fault = event_fault(ev)) != NULL) {
		post_refuse(p, 400, fault);
		return 0;
	}
	if (!auth_may_publish(who, ev->channel, open)) {
		post_refuse(
		    p, 403, "publishing to this channel is not allowed");
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
			post_refuse(p, 400, input_fault(in));
			return 0;
		}
		if (got == -2)
			return -1;
		if ((got = take(p, r, who, open, &ev)) != 1)
			return got;
	}
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
	return error;
}
