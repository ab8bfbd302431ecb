#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <jansson.h>

#include "follow.h"
#include "interrupt.h"
#include "request.h"
#include "stdout.h"
#include "tail.h"
#include "units.h"
#include "visible.h"

#define FLUSH_BYTES ((size_t)64 << 10)
#define READ_BYTES ((size_t)64 << 10)
#define GO_ON (-1) /* no exit status yet */
#define STATUS_UNMET 1
#define STATUS_GAP 80

struct tail {
	const struct options *o;
	char *shown; /* the URL for messages, owned */
	struct sse_buf out;
	unsigned long long count;
	int64_t end_ms; /* when -m is up; INT64_MAX: never */
	int losses;     /* since the last event */
};

/* A warning, which -q and -s switch off. */
static void warning(const struct tail *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
warning(const struct tail *t, const char *fmt, ...)
{
	va_list ap;

	if (t->o->quiet || t->o->silent)
		return;
	va_start(ap, fmt);
	vwarnx(fmt, ap);
	va_end(ap);
}

static void
flush(struct tail *t)
{
	stdout_write(t->out.ptr, t->out.len, NULL, NULL);
	t->out.len = 0;
}

/* A member of what sse:gap tells, fit for a message. */
static const char *
gap_id(const json_t *gap, const char *name, char *buf, size_t cap)
{
	const char *id = json_string_value(json_object_get(gap, name));

	return id == NULL ? "?" : visible_line(text_of(id), buf, cap);
}

static int
gap(struct tail *t, const struct event *ev)
{
	json_t *root = json_loadb(ev->data.ptr, ev->data.len, 0, NULL);
	char after[128], oldest[128];

	warning(t, "%s: gap: events after %s and before %s are lost", t->shown,
	    gap_id(root, "after", after, sizeof(after)),
	    gap_id(root, "oldest", oldest, sizeof(oldest)));
	json_decref(root);
	return t->o->gap_fails ? STATUS_GAP : GO_ON;
}

static bool
named(const struct tail *t, struct sse_text type)
{
	for (size_t i = 0; i < t->o->ntypes; i++)
		if (text_is(type, t->o->types[i]))
			return true;
	return false;
}

/* Print an event if it is one to be printed.  The exit status, or GO_ON. */
static int
take(struct tail *t, const struct event *ev)
{
	struct sse_text type = ev->type.len > 0 ? ev->type : TEXT("message");
	bool own = type.len >= 4 && memcmp(type.ptr, "sse:", 4) == 0;
	struct output_context ctx = { .url = text_of(t->shown) };
	int status = GO_ON;

	t->losses = 0;
	if (text_is(type, "sse:gap"))
		status = gap(t, ev);
	if ((own || t->o->ntypes > 0) && !named(t, type))
		return status;
	ctx.count = ++t->count;
	ctx.now_ms = clock_unix_ms();
	if (output_event(t->o->output, &t->out, ev, &ctx) == -1)
		err(EX_SOFTWARE, NULL);
	if (t->out.len >= FLUSH_BYTES)
		flush(t);
	return t->count == t->o->count && status == GO_ON ? EX_OK : status;
}

/* What may have happened besides: a signal, or that the time is up. */
static int
besides(struct tail *t)
{
	if (interrupt_signal() != 0) {
		flush(t);
		interrupt_die();
	}
	if (clock_mono_ms() < t->end_ms)
		return GO_ON;
	if (t->o->count == 0)
		return EX_OK;
	warning(
	    t, "time is up: %llu of %llu events came", t->count, t->o->count);
	return STATUS_UNMET;
}

/* How long a wait may be; -1: as long as it takes. */
static int
left_ms(const struct tail *t)
{
	int64_t left;

	if (t->end_ms == INT64_MAX)
		return -1;
	left = t->end_ms - clock_mono_ms();
	if (left < 0)
		return 0;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* What every wait watches: a signal, and a reader that goes. */
enum { WATCH_SIGNAL, WATCH_READER, WATCHED };

static void
watch(struct pollfd p[static WATCHED])
{
	p[WATCH_SIGNAL] = (struct pollfd){ interrupt_fd(), POLLIN, 0 };
	p[WATCH_READER] = (struct pollfd){ STDOUT_FILENO, 0, 0 };
}

static void
look(const struct pollfd p[static WATCHED])
{
	if (stdout_has_gone(p[WATCH_READER].revents))
		exit(EX_OK);
}

/*
 * A connection that is lost and made again is nothing to speak of; one that
 * cannot be made again is, once.
 */
static void
lost(struct tail *t, const struct follow *f)
{
	t->losses++;
	if (t->o->verbose)
		warning(t, "%s; trying again in %.1f s", follow_fault(f),
		    (double)follow_retry_in_ms(f) / 1000);
	else if (t->losses == 2)
		warning(t, "%s; trying again", follow_fault(f));
}

static int
fault(const struct tail *t, const struct follow *f)
{
	if (!t->o->silent || t->o->show_error)
		warnx("%s", follow_fault(f));
	return follow_status(f);
}

/* Do what one step of following comes to.  The exit status, or GO_ON. */
static int
step(struct tail *t, struct follow *f)
{
	struct pollfd watched[WATCHED];
	struct event ev;

	switch (follow_next(f, &ev)) {
	case FOLLOW_EVENT:
		return take(t, &ev);
	case FOLLOW_OPEN:
		if (t->o->verbose)
			warning(t, "%s: connected", t->shown);
		break;
	case FOLLOW_LOST:
		lost(t, f);
		break;
	case FOLLOW_DROPPED:
		warning(t, "%s", follow_fault(f));
		break;
	case FOLLOW_END:
		return EX_OK;
	case FOLLOW_FAULT:
		/* What came before is not to stand behind the message. */
		flush(t);
		return fault(t, f);
	case FOLLOW_WAIT:
		flush(t);
		watch(watched);
		(void)follow_wait(f, watched, WATCHED, left_ms(t));
		look(watched);
		break;
	}
	return GO_ON;
}

static int
follow_url(struct tail *t)
{
	const struct options *o = t->o;
	bool again = o->retry != 0 && !transfer_once(&o->transfer);
	struct follow_conf conf = {
		.url = o->url,
		.last_id = o->last_id,
		.max_bytes = o->max_event,
		.connect_ms = o->connect_ms,
		.idle_ms = o->idle_ms,
		.reconnect = again,
		.retry_first = again && o->retry > 0,
		.retries = o->retry > 0 ? (unsigned int)o->retry : 0,
		.ask_place = true,
		.show = o->show,
		.headers = o->transfer.headers,
		.setup = transfer_setup,
		.arg = &o->transfer,
	};
	struct follow *f;
	int status = GO_ON;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (t->shown = request_shown(o->url)) == NULL ||
	    (f = follow_new(&conf)) == NULL)
		err(EX_SOFTWARE, NULL);
	while (status == GO_ON && (status = besides(t)) == GO_ON)
		status = step(t, f);
	flush(t);
	follow_free(f);
	curl_global_cleanup();
	return status;
}

/* All the events of a piece of standard input. */
static int
take_piece(struct tail *t, struct sse_decoder *d, const char *p, size_t len)
{
	const struct sse_event *from;
	const char *what;
	struct event ev;
	size_t used;
	int r, status = GO_ON;

	for (; len > 0 && status == GO_ON; p += used, len -= used) {
		r = sse_decoder_feed(d, p, len, &used, &from);
		if (r == 1) {
			(void)event_decode(&ev, d, from, &what);
			if (text_is(ev.type, "sse:end"))
				return EX_OK;
			status = take(t, &ev);
		} else if (r == -1 && errno == EMSGSIZE)
			warning(t, "an event of more than %zu bytes is dropped",
			    t->o->max_event != 0 ? t->o->max_event
						 : SSE_MAX_BYTES_DEFAULT);
		else if (r == -1)
			err(EX_SOFTWARE, NULL);
	}
	return status;
}

/* Would a blank line have made an event of what came last? */
static void
end_of_stdin(struct tail *t, struct sse_decoder *d)
{
	static const char blank[] = "\n\n";
	const struct sse_event *from;
	size_t used;

	for (const char *p = blank; *p != '\0'; p += used)
		if (sse_decoder_feed(d, p, strlen(p), &used, &from) == 1)
			warning(t,
			    "the input ends within an event, which is "
			    "dropped");
}

static int
read_piece(struct tail *t, struct sse_decoder *d, char *buf, bool *more)
{
	struct pollfd p[WATCHED + 1];
	ssize_t n;

	flush(t);
	watch(p);
	p[WATCHED] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
	if (poll(p, WATCHED + 1, left_ms(t)) <= 0)
		return GO_ON;
	look(p);
	if (p[WATCHED].revents == 0)
		return GO_ON;
	n = read(STDIN_FILENO, buf, READ_BYTES);
	if (n > 0)
		return take_piece(t, d, buf, (size_t)n);
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return GO_ON;
	if (n == -1)
		err(EX_IOERR, "standard input");
	end_of_stdin(t, d);
	*more = false;
	return GO_ON;
}

static int
read_stdin(struct tail *t)
{
	struct sse_decoder *d = sse_decoder_new(t->o->max_event);
	char *buf = malloc(READ_BYTES);
	int status = GO_ON;
	bool more = true;

	if (d == NULL || buf == NULL || (t->shown = strdup("-")) == NULL)
		err(EX_SOFTWARE, NULL);
	sse_decoder_ask(d, SSE_ASK_FIELDS);
	while (more && status == GO_ON && (status = besides(t)) == GO_ON)
		status = read_piece(t, d, buf, &more);
	flush(t);
	sse_decoder_free(d);
	free(buf);
	return status == GO_ON ? EX_OK : status;
}

int
tail_run(const struct options *o)
{
	struct tail t = { .o = o, .end_ms = INT64_MAX };
	int status;

	if (o->max_time_ms > 0)
		t.end_ms = clock_mono_ms() + o->max_time_ms;
	status = o->url == NULL ? read_stdin(&t) : follow_url(&t);
	free(t.shown);
	sse_buf_free(&t.out);
	return status;
}
