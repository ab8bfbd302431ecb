#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <sysexits.h>

#include <jansson.h>

#include "filter.h"
#include "json.h"
#include "units.h"

/* An event that went out and is to be answered. */
struct question {
	STAILQ_ENTRY(question) entry;
	struct event *ev; /* owned: of one aside; else its channel and via */
	struct sse_buf mark, once;
	bool aside;
	bool forgotten; /* its answer is of no use any more */
};

struct filter {
	struct child *child; /* owned */
	size_t max_bytes;
	STAILQ_HEAD(, question) owed;
	size_t nowed;
	struct question *now;  /* whose answer is at hand; owned */
	bool finished;         /* and DONE was told of it */
	json_t *array;         /* of that answer */
	size_t index;          /* the next of it */
	size_t given;          /* events of it handed out */
	struct json_event one; /* the event handed out */
	char *text;            /* what one was read from */
	int64_t heard_ms;
	bool quiet_told;
	int status;
	char fault[320];
};

static void
question_free(struct question *q)
{
	if (q == NULL)
		return;
	free(q->ev);
	sse_buf_free(&q->mark);
	sse_buf_free(&q->once);
	free(q);
}

struct filter *
filter_new(const char *command, size_t max_bytes)
{
	struct filter *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	STAILQ_INIT(&f->owed);
	f->max_bytes = max_bytes;
	f->heard_ms = clock_mono_ms();
	if ((f->child = child_new(command)) != NULL)
		return f;
	filter_free(f);
	return NULL;
}

void
filter_free(struct filter *f)
{
	struct question *q;

	if (f == NULL)
		return;
	child_free(f->child);
	while ((q = STAILQ_FIRST(&f->owed)) != NULL) {
		STAILQ_REMOVE_HEAD(&f->owed, entry);
		question_free(q);
	}
	question_free(f->now);
	json_decref(f->array);
	json_event_free(&f->one);
	free(f->text);
	free(f);
}

bool
filter_room(const struct filter *f)
{
	return child_takes(f->child) && f->nowed < FILTER_AHEAD &&
	    child_unsent(f->child) < FILTER_BYTES;
}

static int
set(struct sse_buf *b, struct sse_text t)
{
	b->len = 0;
	return t.len == 0 ? 0 : sse_buf_append(b, t.ptr, t.len);
}

/* What the answer is to have of the event when it does not say otherwise. */
static struct event *
kept(const struct event *ev, bool aside)
{
	struct event part = EVENT_NONE;

	if (aside)
		return event_dup(ev);
	part.channel = ev->channel;
	part.via = ev->via;
	return event_dup(&part);
}

int
filter_put(struct filter *f, const struct event *ev, struct sse_text mark,
    struct sse_text once, bool aside)
{
	struct question *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return -1;
	q->aside = aside;
	if ((q->ev = kept(ev, aside)) == NULL || set(&q->mark, mark) == -1 ||
	    set(&q->once, once) == -1 ||
	    (!aside && json_encode_event(child_out(f->child), ev) == -1)) {
		question_free(q);
		return -1;
	}
	if (STAILQ_EMPTY(&f->owed))
		f->heard_ms = clock_mono_ms();
	STAILQ_INSERT_TAIL(&f->owed, q, entry);
	f->nowed++;
	return 0;
}

int
filter_advance(struct filter *f, struct sse_text mark)
{
	struct question *q = __extension__ STAILQ_LAST(
	    &f->owed, question, entry);

	if (q == NULL && !f->finished)
		q = f->now;
	return q == NULL ? 1 : set(&q->mark, mark);
}

static enum filter_what
fail(struct filter *f, int status, const char *why)
{
	f->status = status;
	snprintf(f->fault, sizeof(f->fault), "filter: %s", why);
	return FILTER_FAULT;
}

/* An event of an answer, with what it leaves as it was. */
static enum filter_what
take(struct filter *f, const char *s, size_t len, struct event *ev)
{
	const char *why;
	char said[256];
	int rc = json_decode_event(&f->one, s, len, &why);

	if (rc == -2)
		return fail(f, EX_SOFTWARE, strerror(ENOMEM));
	if (rc == -1) {
		snprintf(said, sizeof(said), "its answer is no event: %s", why);
		return fail(f, EX_PROTOCOL, said);
	}
	*ev = f->one.ev;
	if (ev->channel.len == 0)
		ev->channel = f->now->ev->channel;
	if (ev->via.len == 0)
		ev->via = f->now->ev->via;
	f->given++;
	return FILTER_EVENT;
}

static enum filter_what
done(struct filter *f)
{
	json_decref(f->array);
	f->array = NULL;
	f->finished = true;
	return FILTER_DONE;
}

/* The next event of an answer that is an array. */
static enum filter_what
element(struct filter *f, struct event *ev)
{
	json_t *v = json_array_get(f->array, f->index++);

	if (v == NULL)
		return done(f);
	free(f->text);
	if ((f->text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY)) == NULL)
		return fail(f, EX_SOFTWARE, strerror(ENOMEM));
	return take(f, f->text, strlen(f->text), ev);
}

static struct sse_text
trim(struct sse_text t)
{
	while (t.len > 0 && (*t.ptr == ' ' || *t.ptr == '\t')) {
		t.ptr++;
		t.len--;
	}
	while (
	    t.len > 0 && (t.ptr[t.len - 1] == ' ' || t.ptr[t.len - 1] == '\t'))
		t.len--;
	return t;
}

static enum filter_what
answered(struct filter *f, struct sse_text t, struct event *ev)
{
	t = trim(t);
	if (f->now->forgotten || t.len == 0 || text_is(t, "null"))
		return done(f);
	if (*t.ptr != '[')
		return take(f, t.ptr, t.len, ev);
	f->array = json_loadb(
	    t.ptr, t.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	f->index = 0;
	return f->array == NULL
	    ? fail(f, EX_PROTOCOL, "its answer is no array of events")
	    : element(f, ev);
}

static enum filter_what
gone(struct filter *f)
{
	char said[128];
	int status = 0;

	if (f->status != 0)
		return FILTER_FAULT;
	if (!child_reap(f->child, &status))
		return fail(f, EX_UNAVAILABLE, "it closed its output");
	if (child_unread(f->child) > 0)
		return fail(f, EX_PROTOCOL, "it ended within a line");
	if (child_closed(f->child) && STAILQ_EMPTY(&f->owed) &&
	    WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return FILTER_END;
	if (WIFSIGNALED(status))
		snprintf(said, sizeof(said), "it was ended by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(said, sizeof(said),
		    "it ended with status %d, owing %zu answers",
		    WEXITSTATUS(status), f->nowed);
	return fail(f, EX_UNAVAILABLE, said);
}

/* Whether the question that is due is one aside, which needs no answer. */
static bool
aside(const struct filter *f)
{
	const struct question *q = STAILQ_FIRST(&f->owed);

	return q != NULL && q->aside;
}

static void
next_question(struct filter *f)
{
	f->now = STAILQ_FIRST(&f->owed);
	STAILQ_REMOVE_HEAD(&f->owed, entry);
	f->nowed--;
	f->given = 0;
	f->finished = false;
}

static enum filter_what
unasked(struct filter *f)
{
	return fail(f, EX_PROTOCOL,
	    "it answers more lines than it was given: each line is to be "
	    "answered with one, several events in an array");
}

/* Nothing is at hand: what has come by now? */
static enum filter_what
receive(struct filter *f, struct event *ev)
{
	struct sse_text t;

	for (;;) {
		if (aside(f)) {
			next_question(f);
			if (f->now->forgotten)
				return done(f);
			*ev = *f->now->ev;
			f->given = 1;
			return FILTER_EVENT;
		}
		if (child_line(f->child, &t)) {
			f->heard_ms = clock_mono_ms();
			f->quiet_told = false;
			if (STAILQ_EMPTY(&f->owed))
				return unasked(f);
			next_question(f);
			return answered(f, t, ev);
		}
		if (child_unread(f->child) > f->max_bytes)
			return fail(f, EX_PROTOCOL, "its answer is too large");
		if (child_ended(f->child))
			return gone(f);
		child_feed(f->child);
		switch (child_drain(f->child)) {
		case -1:
			return fail(f, EX_SOFTWARE, strerror(ENOMEM));
		case 0:
			if (!child_ended(f->child))
				return FILTER_WAIT;
			break;
		}
	}
}

enum filter_what
filter_next(struct filter *f, struct event *ev)
{
	enum filter_what what;

	if (f->status != 0)
		return FILTER_FAULT;
	if (f->now != NULL && !f->finished)
		return f->array != NULL ? element(f, ev) : done(f);
	question_free(f->now);
	f->now = NULL;
	what = receive(f, ev);
	if (what == FILTER_WAIT && f->nowed > 0 && !f->quiet_told &&
	    clock_mono_ms() - f->heard_ms >= FILTER_QUIET_MS) {
		f->quiet_told = true;
		return FILTER_QUIET;
	}
	return what;
}

struct sse_text
filter_mark(const struct filter *f)
{
	return (struct sse_text){ f->now->mark.ptr, f->now->mark.len };
}

struct sse_text
filter_once(const struct filter *f)
{
	return (struct sse_text){ f->now->once.ptr, f->now->once.len };
}

bool
filter_first(const struct filter *f)
{
	return f->given == 1;
}

bool
filter_none(const struct filter *f)
{
	return f->given == 0 && !f->now->forgotten;
}

void
filter_forget(struct filter *f)
{
	struct question *q;

	STAILQ_FOREACH(q, &f->owed, entry)
		q->forgotten = true;
	if (f->now != NULL && !f->finished)
		(void)done(f);
}

void
filter_close(struct filter *f)
{
	child_close(f->child);
}

int
filter_wants(const struct filter *f, struct pollfd *p, bool reading)
{
	int64_t left_ms = f->heard_ms + FILTER_QUIET_MS - clock_mono_ms();

	child_poll(f->child, p, reading);
	if (f->nowed == 0 || f->quiet_told)
		return -1;
	return left_ms > 0 ? (int)left_ms : 0;
}

int
filter_status(const struct filter *f)
{
	return f->status;
}

const char *
filter_fault(const struct filter *f)
{
	return f->fault;
}
