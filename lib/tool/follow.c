#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "follow.h"
#include "request.h"
#include "units.h"
#include "verdict.h"
#include "visible.h"

#define EXTRA_MAX 8
#define HEAD_MAX ((size_t)256 << 10) /* of all responses to one request */
#define ERROR_BODY_MAX ((size_t)64 << 10)
#define RETRY_AFTER_MAX_MS INT64_C(3600000)
#define STEADY_MS INT64_C(10000) /* so long open is no failure */

enum phase {
	PHASE_PAUSE,   /* until next_ms, then a request */
	PHASE_REQUEST, /* a transfer is under way */
	PHASE_DRAIN,   /* it is over; some of what came is not decoded yet */
	PHASE_OVER,    /* FOLLOW_END or FOLLOW_FAULT, as over says */
};

struct follow {
	const struct follow_conf *conf;
	CURLM *multi;
	CURL *easy; /* NULL until the first request */
	struct curl_slist *headers;
	struct sse_decoder *decoder;
	struct sse_buf buf; /* what came and is not decoded, from at on */
	size_t at;
	enum phase phase;
	enum follow_what over;
	bool paused;    /* the transfer, for buf is full */
	bool good;      /* this response is an event stream */
	bool open_told; /* FOLLOW_OPEN was handed out for it */
	bool succeeded; /* any response was one */
	bool progress;  /* this connection brought an event */
	bool ready;     /* curl has not been asked since the last wait */
	bool stopped;   /* we broke the transfer off, as verdict says */
	struct verdict verdict;
	CURLcode code; /* how the transfer ended */
	size_t head_bytes, body_bytes;
	unsigned int failures; /* in a row */
	int64_t opened_ms, heard_ms, next_ms;
	int status;
	char *shown; /* the URL without password, printable */
	char curl_said[CURL_ERROR_SIZE];
	char reason[128]; /* what this response's last comment said */
	char fault[1024];
};

static int64_t
or_default(int64_t ms, int64_t otherwise)
{
	return ms != 0 ? ms : otherwise;
}

/* Set the line that says why, and the exit status that goes with it. */
static void say(struct follow *f, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
say(struct follow *f, int status, const char *fmt, ...)
{
	char cause[512];
	va_list ap;
	int len;

	va_start(ap, fmt);
	vsnprintf(cause, sizeof(cause), fmt, ap);
	va_end(ap);
	f->status = status;
	len = snprintf(f->fault, sizeof(f->fault), "%.400s: ", f->shown);
	visible_line(
	    text_of(cause), f->fault + len, sizeof(f->fault) - (size_t)len);
}

struct follow *
follow_new(const struct follow_conf *conf)
{
	struct follow *f = calloc(1, sizeof(*f));
	struct sse_text id = text_of(conf->last_id);
	int saved;

	if (f == NULL)
		return NULL;
	f->conf = conf;
	f->phase = PHASE_PAUSE;
	if ((f->shown = request_shown(conf->url)) == NULL ||
	    (f->decoder = sse_decoder_new(conf->max_bytes)) == NULL ||
	    (f->multi = curl_multi_init()) == NULL)
		errno = ENOMEM;
	else if (sse_decoder_set_last_id(f->decoder, id.ptr, id.len) == 0) {
		sse_decoder_ask(f->decoder,
		    SSE_ASK_FIELDS | SSE_ASK_COMMENTS | SSE_ASK_BLOCKS);
		return f;
	}
	saved = errno;
	follow_free(f);
	errno = saved;
	return NULL;
}

void
follow_free(struct follow *f)
{
	if (f == NULL)
		return;
	if (f->easy != NULL) {
		(void)curl_multi_remove_handle(f->multi, f->easy);
		curl_easy_cleanup(f->easy);
	}
	if (f->multi != NULL)
		(void)curl_multi_cleanup(f->multi);
	curl_slist_free_all(f->headers);
	sse_decoder_free(f->decoder);
	sse_buf_free(&f->buf);
	free(f->shown);
	free(f);
}

/* Break the transfer off for a reason of our own, which say() was told. */
static size_t
stop(struct follow *f, enum verdict_what what)
{
	f->stopped = true;
	f->verdict = (struct verdict){ what, f->status };
	return 0;
}

/*
 * The blank line behind the head of a response.  Only the last one counts:
 * those of redirections and of steps in an authentication come before it.
 */
static size_t
head_end(struct follow *f, size_t len)
{
	const char *type = NULL;
	long status = 0;

	(void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(f->easy, CURLINFO_CONTENT_TYPE, &type);
	if (status != 200)
		return len;
	if (!verdict_event_stream(type)) {
		say(f, EX_PROTOCOL, "the answer is %s, not text/event-stream",
		    type == NULL ? "of no type" : type);
		return stop(f, VERDICT_NEVER);
	}
	f->good = f->succeeded = true;
	f->opened_ms = clock_mono_ms();
	return len;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct follow *f = arg;
	size_t len = size * n;

	f->heard_ms = clock_mono_ms();
	f->head_bytes += len;
	if (f->head_bytes > HEAD_MAX) {
		say(f, EX_PROTOCOL, "the head of the answer is too large");
		return stop(f, VERDICT_NEVER);
	}
	/* What comes behind the body are trailers. */
	if (f->good || (len != 2 && len != 1) || (*p != '\r' && *p != '\n'))
		return len;
	return head_end(f, len);
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct follow *f = arg;
	size_t len = size * n;

	f->heard_ms = clock_mono_ms();
	if (!f->good) {
		/* The body of an error says nothing here, at any length. */
		f->body_bytes += len;
		return f->body_bytes > ERROR_BODY_MAX ? 0 : len;
	}
	if (f->buf.len > 0 && f->buf.len + len > FOLLOW_BUFFER) {
		f->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (sse_buf_append(&f->buf, p, len) == -1) {
		say(f, EX_SOFTWARE, "out of memory");
		return stop(f, VERDICT_NEVER);
	}
	return len;
}

#define SET(option, value) \
	(curl_easy_setopt(f->easy, (option), (value)) == CURLE_OK)

static int
build(struct follow *f)
{
	if ((f->easy = request_new(f->conf)) == NULL)
		return -1;
	return SET(CURLOPT_ERRORBUFFER, f->curl_said) &&
		SET(CURLOPT_HEADERFUNCTION, on_header) &&
		SET(CURLOPT_HEADERDATA, f) &&
		SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, f)
	    ? 0
	    : -1;
}

static int
bear_headers(struct follow *f)
{
	curl_slist_free_all(f->headers);
	if (request_headers(&f->headers, f->conf, follow_last_id(f)) == -1)
		return -1;
	return SET(CURLOPT_HTTPHEADER, f->headers) ? 0 : -1;
}

#undef SET

/* The transfer is over, or is to be. */
static void
hang_up(struct follow *f, CURLcode code)
{
	f->code = code;
	(void)curl_multi_remove_handle(f->multi, f->easy);
	f->phase = PHASE_DRAIN;
}

static enum follow_what
over(struct follow *f, enum follow_what what)
{
	if (f->phase == PHASE_REQUEST)
		hang_up(f, CURLE_OK);
	f->phase = PHASE_OVER;
	f->over = what;
	return what;
}

/* Begin a request, for which everything of the last one is forgotten. */
static int
request(struct follow *f)
{
	if ((f->easy == NULL && build(f) == -1) || bear_headers(f) == -1 ||
	    curl_multi_add_handle(f->multi, f->easy) != CURLM_OK)
		return -1;
	sse_decoder_reset(f->decoder);
	f->buf.len = f->at = 0;
	f->ready = true;
	f->paused = f->good = f->open_told = f->progress = false;
	f->stopped = false;
	f->head_bytes = f->body_bytes = 0;
	f->curl_said[0] = f->reason[0] = '\0';
	f->heard_ms = clock_mono_ms();
	f->phase = PHASE_REQUEST;
	return 0;
}

/* Say what the response was that is no event stream. */
static struct verdict
judge_response(struct follow *f, long status)
{
	struct verdict v = verdict_of_response(status, NULL);
	const char *url = NULL;
	char *shown = NULL;
	long redirects = 0;

	(void)curl_easy_getinfo(f->easy, CURLINFO_REDIRECT_COUNT, &redirects);
	(void)curl_easy_getinfo(f->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (redirects > 0 && url != NULL &&
	    (shown = request_shown(url)) != NULL)
		say(f, v.status, "HTTP status %ld, redirected to %s", status,
		    shown);
	else
		say(f, v.status, "HTTP status %ld", status);
	free(shown);
	return v;
}

static struct verdict
judge_failure(struct follow *f)
{
	struct verdict v = verdict_of_failure(f->code);
	const char *why = f->curl_said[0] != '\0' ? f->curl_said
						  : curl_easy_strerror(f->code);
	long os = 0;

	/* It names the host once more, and how many milliseconds it took. */
	if (f->code == CURLE_COULDNT_CONNECT &&
	    curl_easy_getinfo(f->easy, CURLINFO_OS_ERRNO, &os) == CURLE_OK &&
	    os != 0)
		why = strerror((int)os);
	/* libcurl's answer to one line of a head that it will not hold. */
	if (f->code == CURLE_OUT_OF_MEMORY && f->head_bytes > 0 && !f->good) {
		v = (struct verdict){ VERDICT_NEVER, EX_PROTOCOL };
		why = "the head of the answer is too large";
	}
	say(f, v.status, "%s", why);
	return v;
}

/* What follows from how the transfer ended? */
static struct verdict
judge(struct follow *f)
{
	long status = 0;

	if (f->stopped)
		return f->verdict;
	(void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (f->good && f->code == CURLE_OK) {
		say(f, EX_UNAVAILABLE, "the server ended the stream%s%s",
		    *f->reason != '\0' ? ": " : "", f->reason);
		return (struct verdict){ VERDICT_GOOD, EX_UNAVAILABLE };
	}
	if (f->code == CURLE_OK || f->body_bytes > ERROR_BODY_MAX)
		return judge_response(f, status);
	return judge_failure(f);
}

/* How long before the next request, after one more failure. */
static int64_t
wait_ms(struct follow *f)
{
	int64_t ms = sse_decoder_retry_ms(f->decoder), after_ms;
	curl_off_t after = 0;

	ms = verdict_wait_ms(ms >= 0 ? ms : FOLLOW_RETRY_MS, f->failures,
	    or_default(f->conf->retry_max_ms, FOLLOW_RETRY_MAX_MS),
	    arc4random());
	(void)curl_easy_getinfo(f->easy, CURLINFO_RETRY_AFTER, &after);
	after_ms = after < RETRY_AFTER_MAX_MS / 1000 ? after * 1000
						     : RETRY_AFTER_MAX_MS;
	return ms < after_ms ? after_ms : ms;
}

static enum follow_what
lose(struct follow *f)
{
	int64_t now = clock_mono_ms();

	if (f->good && (f->progress || now - f->opened_ms >= STEADY_MS))
		f->failures = 0;
	f->failures++;
	if (!(f->succeeded ? f->conf->reconnect : f->conf->retry_first) ||
	    (f->conf->retries != 0 && f->failures > f->conf->retries))
		return over(f, FOLLOW_FAULT);
	f->next_ms = now + wait_ms(f);
	f->phase = PHASE_PAUSE;
	return FOLLOW_LOST;
}

static enum follow_what
conclude(struct follow *f)
{
	struct verdict v = judge(f);

	if (v.what == VERDICT_END ||
	    (v.what == VERDICT_GOOD && !f->conf->reconnect))
		return over(f, FOLLOW_END);
	return v.what == VERDICT_NEVER ? over(f, FOLLOW_FAULT) : lose(f);
}

/* When a peer that says nothing is dead. */
static int64_t
idle_at(const struct follow *f)
{
	int64_t at = f->heard_ms + f->conf->idle_ms;

	/* Until it is connected, the time to connect is what counts. */
	if (f->head_bytes == 0)
		at += or_default(f->conf->connect_ms, FOLLOW_CONNECT_MS);
	return at;
}

/* Let curl work.  Is there anything new? */
static bool
transfer(struct follow *f)
{
	CURLMsg *m;
	int n;

	if (!f->ready && !f->paused)
		return false;
	f->ready = false;
	if (f->paused) {
		f->paused = false;
		f->heard_ms = clock_mono_ms();
		(void)curl_easy_pause(f->easy, CURLPAUSE_CONT);
	}
	(void)curl_multi_perform(f->multi, &n);
	while ((m = curl_multi_info_read(f->multi, &n)) != NULL)
		if (m->msg == CURLMSG_DONE) {
			hang_up(f, m->data.result);
			return true;
		}
	if (f->conf->idle_ms > 0 && clock_mono_ms() >= idle_at(f)) {
		say(f, EX_UNAVAILABLE, "nothing came for %lld s",
		    (long long)f->conf->idle_ms / 1000);
		(void)stop(f, VERDICT_LATER);
		hang_up(f, CURLE_OK);
		return true;
	}
	return f->buf.len > 0 || (f->good && !f->open_told);
}

static enum follow_what
decode_fault(struct follow *f)
{
	if (errno == EMSGSIZE) {
		say(f, EX_DATAERR, "an event of more than %zu bytes is dropped",
		    f->conf->max_bytes != 0 ? f->conf->max_bytes
					    : SSE_MAX_BYTES_DEFAULT);
		return FOLLOW_DROPPED;
	}
	say(f, EX_SOFTWARE, "out of memory");
	return over(f, FOLLOW_FAULT);
}

/*
 * A comment in a block without data: sse-serve says so why it sends a client
 * away that it cannot serve at this time.
 */
static void
keep_reason(struct follow *f)
{
	struct sse_field field;
	size_t iter = 0;

	while (sse_decoder_field(f->decoder, &iter, &field) == 1)
		if (field.name.len == 0 && field.value.len > 0)
			visible_line(field.value, f->reason, sizeof(f->reason));
}

/* The next event of what has come; FOLLOW_WAIT when it holds no more. */
static enum follow_what
decode(struct follow *f, struct event *ev)
{
	const struct sse_event *from;
	const char *what;
	size_t used;
	int r;

	while (f->at < f->buf.len) {
		r = sse_decoder_feed(f->decoder, f->buf.ptr + f->at,
		    f->buf.len - f->at, &used, &from);
		f->at += used;
		if (r == -1)
			return decode_fault(f);
		if (r == 0)
			break;
		/* An ID alone is no progress: it may be the same each time. */
		if (r == 2) {
			keep_reason(f);
			continue;
		}
		f->progress = true;
		f->reason[0] = '\0';
		(void)event_decode(ev, f->decoder, from, &what);
		return text_is(ev->type, "sse:end") ? over(f, FOLLOW_END)
						    : FOLLOW_EVENT;
	}
	f->buf.len = f->at = 0;
	return FOLLOW_WAIT;
}

enum follow_what
follow_next(struct follow *f, struct event *ev)
{
	enum follow_what what;

	for (;;) {
		if (f->phase == PHASE_OVER)
			return f->over;
		if (f->phase == PHASE_PAUSE) {
			if (clock_mono_ms() < f->next_ms)
				return FOLLOW_WAIT;
			if (request(f) == -1) {
				say(f, EX_SOFTWARE,
				    "the request cannot be made");
				return over(f, FOLLOW_FAULT);
			}
		}
		if (f->good && !f->open_told) {
			f->open_told = true;
			return FOLLOW_OPEN;
		}
		if ((what = decode(f, ev)) != FOLLOW_WAIT)
			return what;
		if (f->phase == PHASE_DRAIN)
			return conclude(f);
		if (!transfer(f))
			return FOLLOW_WAIT;
	}
}

/* How long a wait may be, at most timeout_ms. */
static int
wait_at_most(const struct follow *f, int timeout_ms)
{
	int64_t at = INT64_MAX, left;

	if (f->at < f->buf.len || f->phase >= PHASE_DRAIN)
		return 0;
	if (f->phase == PHASE_PAUSE)
		at = f->next_ms;
	else if (f->conf->idle_ms > 0)
		at = idle_at(f);
	if (at == INT64_MAX)
		return timeout_ms < 0 ? INT32_MAX : timeout_ms;
	left = at - clock_mono_ms();
	if (left < 0)
		left = 0;
	if (timeout_ms >= 0 && left > timeout_ms)
		return timeout_ms;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

int
follow_wait(
    struct follow *f, struct pollfd *extra, unsigned int n, int timeout_ms)
{
	struct curl_waitfd fds[EXTRA_MAX] = { 0 };
	int ready = 0, any;

	if (n > EXTRA_MAX)
		n = EXTRA_MAX;
	for (unsigned int i = 0; i < n; i++) {
		fds[i].fd = extra[i].fd;
		if ((extra[i].events & POLLIN) != 0)
			fds[i].events |= CURL_WAIT_POLLIN;
		if ((extra[i].events & POLLOUT) != 0)
			fds[i].events |= CURL_WAIT_POLLOUT;
	}
	(void)curl_multi_poll(
	    f->multi, fds, n, wait_at_most(f, timeout_ms), &any);
	f->ready = true;
	for (unsigned int i = 0; i < n; i++) {
		extra[i].revents = 0;
		if (fds[i].revents == 0)
			continue;
		ready++;
		/* curl tells of an error as if it could be read or written. */
		if (extra[i].events == 0)
			extra[i].revents = POLLERR;
		if ((fds[i].revents & CURL_WAIT_POLLIN) != 0)
			extra[i].revents |= extra[i].events & POLLIN;
		if ((fds[i].revents & CURL_WAIT_POLLOUT) != 0)
			extra[i].revents |= extra[i].events & POLLOUT;
	}
	return ready;
}

struct sse_text
follow_last_id(const struct follow *f)
{
	return sse_decoder_last_id(f->decoder);
}

int
follow_rewind(struct follow *f, struct sse_text id)
{
	if (sse_decoder_set_last_id(f->decoder, id.ptr, id.len) == -1)
		return -1;
	if (f->phase == PHASE_REQUEST)
		hang_up(f, CURLE_OK);
	f->phase = PHASE_PAUSE;
	f->next_ms = 0;
	f->failures = 0;
	f->good = false;
	f->buf.len = f->at = 0;
	return 0;
}

int
follow_status(const struct follow *f)
{
	return f->status;
}

const char *
follow_fault(const struct follow *f)
{
	return f->fault;
}

int64_t
follow_retry_in_ms(const struct follow *f)
{
	int64_t ms = f->next_ms - clock_mono_ms();

	return ms < 0 ? 0 : ms;
}
