#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "filter.h"
#include "json.h"
#include "units.h"

#define READ_BYTES ((size_t)65536)
#define REAP_MS 1000 /* from the end of its output to its own */

/* An event that went out and is to be answered. */
struct question {
	STAILQ_ENTRY(question) entry;
	struct event *ev; /* owned: of one aside; else its channel and via */
	struct sse_buf mark, once;
	bool aside;
	bool forgotten; /* its answer is of no use any more */
};

struct filter {
	pid_t pid;
	int to, from; /* -1: closed */
	size_t max_bytes;
	STAILQ_HEAD(, question) owed;
	size_t nowed;
	struct sse_buf out; /* lines to be written, from out_at on */
	size_t out_at;
	struct sse_buf in; /* what came, from in_at on */
	size_t in_at;
	size_t in_seen;        /* up to there, no line ends behind in_at */
	bool ended;            /* nothing more comes */
	bool closing;          /* nothing more is to be sent */
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

/* The child: only its three descriptors, and signals as they were. */
_Noreturn static void
run(const char *command, int in, int out)
{
	sigset_t none;

	(void)setpgid(0, 0);
	(void)signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, STDIN_FILENO) == -1 || dup2(out, STDOUT_FILENO) == -1)
		_exit(126);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int
start(struct filter *f, const char *command)
{
	int to[2], from[2], saved;

	if (pipe2(to, O_CLOEXEC) == -1)
		return -1;
	if (pipe2(from, O_CLOEXEC) == -1)
		goto close_to;
	if ((f->pid = fork()) == -1)
		goto close_from;
	if (f->pid == 0)
		run(command, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	f->to = to[1];
	f->from = from[0];
	/* Our ends alone: the others have descriptions of their own. */
	return fcntl(f->to, F_SETFL, O_NONBLOCK) == -1 ||
		fcntl(f->from, F_SETFL, O_NONBLOCK) == -1
	    ? -1
	    : 0;
close_from:
	saved = errno;
	close(from[0]);
	close(from[1]);
	errno = saved;
close_to:
	saved = errno;
	close(to[0]);
	close(to[1]);
	errno = saved;
	return -1;
}

struct filter *
filter_new(const char *command, size_t max_bytes)
{
	struct filter *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	STAILQ_INIT(&f->owed);
	f->to = f->from = -1;
	f->max_bytes = max_bytes;
	f->heard_ms = clock_mono_ms();
	if (start(f, command) == 0)
		return f;
	filter_free(f);
	return NULL;
}

static void
shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

void
filter_free(struct filter *f)
{
	struct question *q;

	if (f == NULL)
		return;
	/* It sees the end of its input, and is not waited for. */
	shut(&f->to);
	shut(&f->from);
	while ((q = STAILQ_FIRST(&f->owed)) != NULL) {
		STAILQ_REMOVE_HEAD(&f->owed, entry);
		question_free(q);
	}
	question_free(f->now);
	json_decref(f->array);
	json_event_free(&f->one);
	free(f->text);
	sse_buf_free(&f->out);
	sse_buf_free(&f->in);
	free(f);
}

bool
filter_room(const struct filter *f)
{
	return f->to != -1 && f->nowed < FILTER_AHEAD &&
	    f->out.len - f->out_at < FILTER_BYTES;
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
	    (!aside && json_encode_event(&f->out, ev) == -1)) {
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

/* As far as the pipe takes it. */
static void
feed(struct filter *f)
{
	while (f->to != -1 && f->out_at < f->out.len) {
		ssize_t n = write(
		    f->to, f->out.ptr + f->out_at, f->out.len - f->out_at);

		if (n == -1 && errno == EINTR)
			continue;
		/* That it has gone is seen at the other pipe. */
		if (n == -1 && errno != EAGAIN)
			shut(&f->to);
		if (n == -1)
			return;
		f->out_at += (size_t)n;
	}
	f->out.len = f->out_at = 0;
	if (f->closing)
		shut(&f->to);
}

/* What has come of its answers, up to the longest line there may be. */
static int
drain(struct filter *f)
{
	ssize_t n;

	if (f->in_at > 0) {
		memmove(f->in.ptr, f->in.ptr + f->in_at, f->in.len - f->in_at);
		f->in.len -= f->in_at;
		f->in_at = 0;
	}
	if (sse_buf_reserve(&f->in, READ_BYTES) == -1)
		return -1;
	do
		n = read(f->from, f->in.ptr + f->in.len, READ_BYTES);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		f->in.len += (size_t)n;
	f->ended = n == 0 || (n == -1 && errno != EAGAIN);
	return n > 0 ? 1 : 0;
}

/* The next line of what has come.  Returns whether it is whole. */
static bool
line(struct filter *f, struct sse_text *t)
{
	const char *from = f->in.ptr + f->in_at, *lf;
	size_t seen = f->in_seen, left = f->in.len - f->in_at;

	if (left <= seen)
		return false;
	lf = memchr(from + seen, '\n', left - seen);
	f->in_seen = left;
	if (lf == NULL)
		return false;
	*t = (struct sse_text){ from, (size_t)(lf - from) };
	f->in_at += t->len + 1;
	f->in_seen = 0;
	if (t->len > 0 && t->ptr[t->len - 1] == '\r')
		t->len--;
	return true;
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

/* How it ended; false when it lives on without an output. */
static bool
reap(struct filter *f, int *status)
{
	int64_t until_ms = clock_mono_ms() + REAP_MS;
	pid_t pid;

	shut(&f->to);
	while ((pid = waitpid(f->pid, status, WNOHANG)) != f->pid) {
		if ((pid == -1 && errno != EINTR) ||
		    clock_mono_ms() >= until_ms)
			return false;
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	return true;
}

static enum filter_what
gone(struct filter *f)
{
	char said[128];
	int status = 0;

	if (f->status != 0)
		return FILTER_FAULT;
	if (!reap(f, &status))
		return fail(f, EX_UNAVAILABLE, "it closed its output");
	if (f->in.len > f->in_at)
		return fail(f, EX_PROTOCOL, "it ended within a line");
	if (f->closing && STAILQ_EMPTY(&f->owed) && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0)
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
		if (line(f, &t)) {
			f->heard_ms = clock_mono_ms();
			f->quiet_told = false;
			if (STAILQ_EMPTY(&f->owed))
				return unasked(f);
			next_question(f);
			return answered(f, t, ev);
		}
		if (f->in.len - f->in_at > f->max_bytes)
			return fail(f, EX_PROTOCOL, "its answer is too large");
		if (f->ended)
			return gone(f);
		feed(f);
		switch (drain(f)) {
		case -1:
			return fail(f, EX_SOFTWARE, strerror(ENOMEM));
		case 0:
			if (!f->ended)
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
	f->closing = true;
	feed(f);
}

int
filter_wants(const struct filter *f, struct pollfd *p, bool reading)
{
	bool writing = f->to != -1 && f->out_at < f->out.len;
	int64_t left_ms = f->heard_ms + FILTER_QUIET_MS - clock_mono_ms();

	p[0] = (struct pollfd){ writing ? f->to : -1, POLLOUT, 0 };
	p[1] = (struct pollfd){ reading ? f->from : -1, POLLIN, 0 };
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
