#include <err.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>

#include "capture.h"
#include "cursors.h"
#include "files.h"
#include "interrupt.h"
#include "piped.h"
#include "queue.h"
#include "sink.h"
#include "stream.h"
#include "tail.h"
#include "units.h"
#include "watch.h"

#define TOGETHER 64 /* events that are passed on in one go */

/* What asks for numbers: where there is a key for it, that, too. */
static const int asking[] = {
	SIGUSR1,
#ifdef SIGINFO
	SIGINFO,
#endif
};
#define ASKING (sizeof(asking) / sizeof(asking[0]))

struct tail {
	const struct options *o;
	struct sink sink;
	struct watch watch;
	struct stream *streams; /* owned: n of them */
	size_t n, live, open;   /* live: not over; open: connected */
	struct queue queue;     /* those that are to be pulled */
	int64_t due_ms;         /* none of the others is, before */
	struct cursors *cursors;
	struct capture *capture;
	int64_t end_ms;   /* when -m is up; INT64_MAX: never */
	int64_t since_ms; /* since when nothing has come */
	bool heard;       /* an event or a connection, since the last turn */
	int verdict;      /* of all pulls: an exit status, or GO_ON */
	int status;       /* of the first stream that failed, else 0 */
	/* Here, for on the stack it would part what is called from memory that
	   was in use just before, which one event alone waits for. */
	struct sse_event many[TOGETHER];
};

static void
print_stats(struct tail *t)
{
	struct stats *s = &t->sink.stats;
	char line[256];

	s->bytes = s->opened = s->urls = 0;
	for (size_t i = 0; i < t->n; i++) {
		s->bytes += stream_bytes(&t->streams[i]);
		s->opened += t->streams[i].opened;
		s->urls += t->streams[i].opened > 0;
	}
	warnx("%s", stats_line(s, clock_mono_ms(), line, sizeof(line)));
}

static void
print_stats_when_asked(struct tail *t)
{
	for (size_t i = 0; i < ASKING; i++)
		if (interrupt_woken(asking[i]))
			print_stats(t);
}

/* Nothing more can be written: what was written before counts. */
static void
gone(void *arg)
{
	struct tail *t = arg;

	cursors_save(t->cursors);
	if (t->o->stats)
		print_stats(t);
}

static void
capture(struct tail *t, const struct stream *s)
{
	if (t->capture != NULL &&
	    capture_block(t->capture, follow_raw(s->follow), clock_mono_ms()) ==
		-1)
		err(EX_SOFTWARE, NULL);
}

static void
flush_capture(struct tail *t)
{
	if (t->capture != NULL && capture_flush(t->capture) == -1)
		err(EX_IOERR, "%s", t->o->capture);
}

/* Write what has come, and then the cursors that cover it. */
static void
keep(struct tail *t)
{
	bool all = sink_flush(&t->sink);

	flush_capture(t);
	if (all)
		cursors_written(t->cursors);
}

/* May it go on: no signal, time left?  The exit status, or GO_ON. */
static int
besides(struct tail *t)
{
	int status;

	/* A child that ended behind its waitpid(), or was none of ours. */
	if (t->o->exec != NULL)
		(void)interrupt_woken(SIGCHLD);
	if (t->o->stats)
		print_stats_when_asked(t);
	if (interrupt_signal() != 0)
		return EX_OK;
	if (t->end_ms == INT64_MAX || clock_mono_ms() < t->end_ms)
		return GO_ON;
	status = sink_time_is_up(&t->sink);
	return status != EX_OK ? status : t->status;
}

static int
take_event(struct tail *t, struct stream *s, const struct event *ev)
{
	int status;

	capture(t, s);
	status = sink_event(&t->sink, ev, stream_decoder(s), s->shown);
	s->held = s->held || t->sink.refused;
	if (t->o->exec == NULL)
		return status;
	cursors_done(t->cursors, s);
	return status == GO_ON ? besides(t) : status;
}

static int
take_end(struct tail *t, const struct stream *s)
{
	/* What came before is not to stand behind the message. */
	(void)sink_flush(&t->sink);
	stream_say_end(s);
	t->live--;
	if (t->status == EX_OK)
		t->status = s->status;
	if (t->live == 0 || (t->o->fail_early && t->status != EX_OK))
		return t->status;
	return GO_ON;
}

/* The next events, as long as only their data matters.  True: there were any. */
static bool
pull_many(struct tail *t, struct stream *s)
{
	unsigned long long room = sink_room(&t->sink);
	size_t n;

	if (room == 0)
		return false;
	n = stream_many(s, t->many, room < TOGETHER ? (size_t)room : TOGETHER);
	if (n == 0)
		return false;
	t->heard = true;
	t->verdict = sink_many(&t->sink, t->many, n);
	return true;
}

/* What the stream has come to, one step.  False: nothing. */
static bool
pull_one(struct tail *t, struct stream *s)
{
	struct event ev;

	switch (stream_next(s, &ev)) {
	case FOLLOW_WAIT:
		return false;
	case FOLLOW_EVENT:
		t->heard = true;
		t->verdict = take_event(t, s, &ev);
		return true;
	case FOLLOW_OPEN:
		t->heard = true;
		return true;
	case FOLLOW_BLOCK:
		capture(t, s);
		sink_block(&t->sink, &ev, stream_decoder(s), s->shown);
		return true;
	case FOLLOW_END:
		t->verdict = take_end(t, s);
		return true;
	default:
		return true;
	}
}

static bool
pull(struct tail *t, struct stream *s)
{
	bool any;

	if (t->verdict != GO_ON || s->over)
		return false;
	t->open -= s->open;
	any = pull_many(t, s) || pull_one(t, s);
	t->open += s->open;
	return any;
}

static void
stirred(void *arg, struct stream *s)
{
	struct tail *t = arg;

	queue_put(&t->queue, s);
}

/*
 * A stream has brought something, and curl has not done yet all that it does
 * behind a read: who waits for an event shall not wait for that.
 */
static void
arrived(void *arg, struct stream *s, bool more)
{
	struct tail *t = arg;

	t->sink.ctx.now_ms = 0;
	while (pull(t, s) && !stream_drained(s))
		;
	if (!more)
		(void)sink_flush(&t->sink);
	stream_release(s);
	if (!stream_drained(s))
		queue_put(&t->queue, s);
	cursors_moved(t->cursors, s);
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Those whose time has come are to be pulled, too. */
static void
queue_due(struct tail *t)
{
	int64_t now, due;

	if (t->due_ms == INT64_MAX || (now = clock_mono_ms()) < t->due_ms)
		return;
	t->due_ms = INT64_MAX;
	for (size_t i = 0; i < t->n; i++)
		if ((due = stream_due_ms(&t->streams[i])) <= now)
			queue_put(&t->queue, &t->streams[i]);
		else
			t->due_ms = earlier(t->due_ms, due);
}

/* All that it has, or one step with a command.  True: there may be more. */
static bool
pull_share(struct tail *t, struct stream *s)
{
	bool any;

	do
		any = pull(t, s);
	while (any && t->o->exec == NULL);
	t->due_ms = earlier(t->due_ms, stream_due_ms(s));
	cursors_moved(t->cursors, s);
	return any;
}

/*
 * All that there is otherwise to be had and said; with a command, which gives a
 * stream the time to bring more each time, one step of one stream.
 */
static int
turn(struct tail *t)
{
	struct stream *s;

	t->sink.ctx.now_ms = 0;
	queue_due(t);
	while (t->verdict == GO_ON && (s = queue_take(&t->queue)) != NULL)
		if (pull_share(t, s)) {
			queue_put(&t->queue, s);
			break;
		}
	if (t->heard && t->o->idle_exit_ms > 0)
		t->since_ms = clock_mono_ms();
	t->heard = false;
	return t->verdict;
}

/*
 * When --idle-exit is due: while a connection is being made, or there is
 * something to be pulled, it never is.
 */
static int64_t
idle_due_ms(const struct tail *t)
{
	if (t->o->idle_exit_ms == 0 || t->open < t->live ||
	    t->queue.first != NULL)
		return INT64_MAX;
	return t->since_ms + t->o->idle_exit_ms;
}

/* Nothing that came while we were held up, as by a stop, is overlooked. */
static bool
idle(const struct tail *t)
{
	return watch_looked_ms(&t->watch) >= idle_due_ms(t);
}

/* How long a wait may be; -1: as long as it takes. */
static int
left_ms(const struct tail *t)
{
	int64_t due = earlier(t->due_ms, cursors_due_ms(t->cursors)), left;

	due = earlier(due, earlier(t->end_ms, idle_due_ms(t)));
	if (t->queue.first != NULL)
		return 0;
	if (due == INT64_MAX)
		return -1;
	left = due - clock_mono_ms();
	if (left < 0)
		return 0;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

static void
await(struct tail *t)
{
	watch_wait(&t->watch, left_ms(t));
	if (watch_reader_gone(&t->watch)) {
		gone(t);
		exit(EX_OK);
	}
	if (watch_input_ready(&t->watch)) {
		piped_ready(t->streams[0].piped);
		queue_put(&t->queue, &t->streams[0]);
	}
}

static int
run(struct tail *t)
{
	int status;

	for (;;) {
		status = turn(t);
		keep(t);
		if (status != GO_ON || (status = besides(t)) != GO_ON)
			return status;
		if (idle(t))
			return t->status;
		await(t);
	}
}

/* Where the state says, else where -i does. */
static const char *
start_of(const struct tail *t, const struct stream *s)
{
	const char *id = cursors_start(t->cursors, s);

	return id != NULL ? id : t->o->last_id;
}

static void
begin_url(struct tail *t, size_t i)
{
	struct stream *s = &t->streams[i];

	if (stream_begin(s, t->o, i) == -1)
		err(EX_SOFTWARE, NULL);
	/* A command is waited for, which within a call of curl cannot be. */
	if (t->o->exec == NULL)
		s->arrived = arrived;
	s->stirred = stirred;
	s->arg = t;
}

static void
begin_urls(struct tail *t)
{
	files_allow(t->o, t->n);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		err(EX_SOFTWARE, NULL);
	watch_begin(&t->watch, true, t->o->exec == NULL);
	for (size_t i = 0; i < t->n; i++)
		begin_url(t, i);
	if (t->o->state != NULL)
		t->cursors = cursors_open(t->o->state, t->streams, t->n);
	for (size_t i = 0; i < t->n; i++)
		if (stream_follow(&t->streams[i], start_of(t, &t->streams[i]),
			t->watch.multi) == -1)
			err(EX_SOFTWARE, NULL);
	if (t->o->capture != NULL &&
	    (t->capture = capture_open(t->o->capture, clock_mono_ms())) == NULL)
		err(EX_CANTCREAT, "%s", t->o->capture);
}

static void
begin_pipe(struct tail *t)
{
	watch_begin(&t->watch, false, t->o->exec == NULL);
	if (stream_pipe(&t->streams[0], t->o) == -1)
		err(EX_SOFTWARE, NULL);
	t->open = 1;
	t->due_ms = INT64_MAX;
}

static void
begin(struct tail *t, const struct options *o)
{
	*t = (struct tail){ .o = o, .end_ms = INT64_MAX, .verdict = GO_ON };
	t->n = t->live = o->nurls > 0 ? o->nurls : 1;
	queue_begin(&t->queue);
	if ((t->streams = calloc(t->n, sizeof(*t->streams))) == NULL)
		err(EX_SOFTWARE, NULL);
	sink_begin(&t->sink, o);
	t->sink.gone = gone;
	t->sink.arg = t;
	t->sink.command.wait = watch_others;
	t->sink.command.arg = &t->watch;
	if (o->exec != NULL)
		interrupt_watch(SIGCHLD);
	for (size_t i = 0; o->stats && i < ASKING; i++)
		interrupt_watch(asking[i]);
	if (o->max_time_ms > 0)
		t->end_ms = clock_mono_ms() + o->max_time_ms;
	t->since_ms = clock_mono_ms();
	if (o->nurls > 0)
		begin_urls(t);
	else
		begin_pipe(t);
}

static void
finish(struct tail *t)
{
	if (t->o->stats)
		print_stats(t);
	cursors_close(t->cursors);
	if (capture_close(t->capture) == -1)
		err(EX_IOERR, "%s", t->o->capture);
	for (size_t i = 0; i < t->n; i++)
		stream_free(&t->streams[i]);
	free(t->streams);
	watch_free(&t->watch);
	sink_free(&t->sink);
	if (t->o->nurls > 0)
		curl_global_cleanup();
}

int
tail_run(const struct options *o)
{
	struct tail t;
	int status;

	begin(&t, o);
	status = run(&t);
	finish(&t);
	if (interrupt_signal() != 0)
		interrupt_die();
	return status;
}
