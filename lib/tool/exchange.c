#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "exchange.h"
#include "multi.h"
#include "reason.h"
#include "request.h"
#include "units.h"
#include "visible.h"

#define HEAD_MAX ((size_t)256 << 10) /* of all responses to one request */
#define ERROR_BODY_MAX ((size_t)64 << 10)
#define RETRY_AFTER_MAX_MS INT64_C(3600000)

struct exchange {
	const struct follow_conf *conf;
	struct sse_buf buf; /* what came and is not taken, from at on */
	size_t at;
	struct sse_text piece; /* or else what on_body() has just been given */
	unsigned long long bytes;
	int64_t opened_ms, heard_ms;
	bool within;    /* on_body(), where curl forbids to end it */
	bool held;      /* multi holds easy */
	bool begun;     /* and we want it to */
	bool connected; /* the request is on its way */
	bool paused;    /* for buf is full */
	bool taking;    /* the caller pulls already */
	bool headed;    /* the head of this response is whole */
	bool good;      /* and it is an event stream */
	bool stopped;   /* we broke it off, as verdict says */
	struct verdict verdict;
	struct multi *multi;
	const char *shown;
	CURL *easy; /* NULL until the first request */
	struct curl_slist *headers;
	struct sse_buf refusal; /* what came of an error's body */
	struct multi_end end;
	size_t head_bytes, error_bytes;
	int status;
	char curl_said[CURL_ERROR_SIZE];
	char peer[96];
	char said[1024];
};

void
exchange_say(struct exchange *x, int status, const char *fmt, ...)
{
	char cause[512];
	va_list ap;
	int len;

	va_start(ap, fmt);
	vsnprintf(cause, sizeof(cause), fmt, ap);
	va_end(ap);
	x->status = status;
	len = snprintf(x->said, sizeof(x->said), "%.400s: ", x->shown);
	visible_line(
	    text_of(cause), x->said + len, sizeof(x->said) - (size_t)len);
}

/* There is something new to be had or said, or it is due earlier. */
static void
stir(void *arg)
{
	const struct follow_conf *conf = ((struct exchange *)arg)->conf;

	if (conf->stirred != NULL)
		conf->stirred(conf->caller);
}

struct exchange *
exchange_new(const struct follow_conf *conf, struct multi *m, const char *shown)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->conf = conf;
	x->multi = m;
	x->shown = shown;
	x->end.tell = stir;
	x->end.arg = x;
	return x;
}

void
exchange_free(struct exchange *x)
{
	if (x == NULL)
		return;
	exchange_end(x);
	curl_easy_cleanup(x->easy);
	curl_slist_free_all(x->headers);
	sse_buf_free(&x->buf);
	sse_buf_free(&x->refusal);
	free(x);
}

/* Break the transfer off for a reason of our own, which was said. */
static size_t
stop(struct exchange *x, enum verdict_what what)
{
	x->stopped = true;
	x->verdict = (struct verdict){ what, x->status };
	return 0;
}

/*
 * The blank line behind the head of a response.  Only the last one counts:
 * those of redirections and of steps in an authentication come before it.
 */
static size_t
head_end(struct exchange *x, size_t len)
{
	const char *type = NULL;

	(void)curl_easy_getinfo(x->easy, CURLINFO_CONTENT_TYPE, &type);
	if (exchange_response(x) != 200)
		return len;
	if (!verdict_event_stream(type)) {
		exchange_say(x, EX_PROTOCOL,
		    "the answer is %s, not text/event-stream",
		    type == NULL ? "of no type" : type);
		return stop(x, VERDICT_NEVER);
	}
	x->good = true;
	x->opened_ms = clock_mono_ms();
	stir(x);
	return len;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	size_t len = size * n;

	x->heard_ms = clock_mono_ms();
	x->head_bytes += len;
	if (x->head_bytes > HEAD_MAX) {
		exchange_say(
		    x, EX_PROTOCOL, "the head of the answer is too large");
		return stop(x, VERDICT_NEVER);
	}
	/* What comes behind the body are trailers. */
	if (x->good)
		return len;
	x->headed = len <= 2 && (*p == '\r' || *p == '\n');
	return x->headed ? head_end(x, len) : len;
}

/* Of an error only its beginning, which may say why, at any length. */
static size_t
keep_refusal(struct exchange *x, const char *p, size_t len)
{
	size_t room = REASON_BODY_MAX - x->refusal.len;

	x->error_bytes += len;
	(void)sse_buf_append(&x->refusal, p, len < room ? len : room);
	return x->error_bytes > ERROR_BODY_MAX ? 0 : len;
}

static int
keep_body(struct exchange *x, struct sse_text t)
{
	if (sse_buf_append(&x->buf, t.ptr, t.len) == 0)
		return 0;
	exchange_say(x, EX_SOFTWARE, "out of memory");
	stop(x, VERDICT_NEVER);
	return -1;
}

/* Let the caller pull, from the bytes where they are if that can be. */
static int
hand_over(struct exchange *x, struct sse_text t)
{
	int r;

	if (x->buf.len == 0)
		x->piece = t;
	else if (keep_body(x, t) == -1)
		return -1;
	x->within = true;
	/* Of one read curl gives that much at most at a time. */
	x->conf->arrived(x->conf->caller, t.len == CURL_MAX_WRITE_SIZE);
	x->within = false;
	r = x->begun ? keep_body(x, x->piece) : -1;
	x->piece.len = 0;
	return r;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	struct sse_text t = { p, size * n };

	if (x->conf->idle_ms > 0)
		x->heard_ms = clock_mono_ms();
	if (!x->good)
		return keep_refusal(x, p, t.len);
	if (x->buf.len > 0 && x->buf.len + t.len > FOLLOW_BUFFER) {
		x->paused = true;
		stir(x); /* whoever takes some makes it go on */
		return CURL_WRITEFUNC_PAUSE;
	}
	x->bytes += t.len;
	if (x->conf->arrived == NULL || x->taking) {
		stir(x);
		return keep_body(x, t) == 0 ? t.len : 0;
	}
	return hand_over(x, t) == 0 ? t.len : 0;
}

/* From here on the peer is to say something. */
static int
on_connected(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct exchange *x = arg;

	(void)ip;
	(void)local_ip;
	(void)port;
	(void)local_port;
	x->connected = true;
	x->heard_ms = clock_mono_ms();
	stir(x); /* now that it may be idle it is due earlier */
	return CURL_PREREQFUNC_OK;
}

#define SET(option, value) \
	(curl_easy_setopt(x->easy, (option), (value)) == CURLE_OK)

static int
build(struct exchange *x)
{
	if ((x->easy = request_new(x->conf)) == NULL)
		return -1;
	return SET(CURLOPT_ERRORBUFFER, x->curl_said) &&
		SET(CURLOPT_HEADERFUNCTION, on_header) &&
		SET(CURLOPT_HEADERDATA, x) &&
		SET(CURLOPT_PREREQFUNCTION, on_connected) &&
		SET(CURLOPT_PREREQDATA, x) &&
		SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, x)
	    ? 0
	    : -1;
}

static int
bear_headers(struct exchange *x, struct sse_text last_id)
{
	curl_slist_free_all(x->headers);
	if (request_headers(&x->headers, x->conf, last_id) == -1)
		return -1;
	return SET(CURLOPT_HTTPHEADER, x->headers) ? 0 : -1;
}

#undef SET

int
exchange_begin(struct exchange *x, struct sse_text last_id)
{
	exchange_end(x);
	if ((x->easy == NULL && build(x) == -1) ||
	    bear_headers(x, last_id) == -1 ||
	    multi_begin(x->multi, x->easy, &x->end) == -1)
		return -1;
	x->held = x->begun = true;
	x->paused = x->headed = x->good = x->stopped = x->connected = false;
	x->head_bytes = x->error_bytes = x->refusal.len = 0;
	x->curl_said[0] = '\0';
	x->heard_ms = clock_mono_ms();
	return 0;
}

void
exchange_end(struct exchange *x)
{
	/* Within on_body() its answer ends it, and curl lets go of it later. */
	if (x->held && !x->within) {
		multi_break(x->multi, x->easy);
		x->held = false;
	}
	x->begun = x->good = false;
	x->buf.len = x->at = x->piece.len = 0;
}

bool
exchange_over(const struct exchange *x)
{
	return !x->begun || x->end.over;
}

bool
exchange_good(const struct exchange *x)
{
	return x->good;
}

struct sse_text
exchange_body(const struct exchange *x)
{
	if (x->piece.len > 0)
		return x->piece;
	return (struct sse_text){ x->buf.ptr + x->at, x->buf.len - x->at };
}

static void
resume(struct exchange *x)
{
	x->paused = false;
	/* Nobody listened, so silence was not the peer's. */
	x->heard_ms = clock_mono_ms();
	/* What curl held back comes within this call. */
	x->taking = true;
	(void)curl_easy_pause(x->easy, CURLPAUSE_CONT);
	x->taking = false;
}

struct sse_text
exchange_take(struct exchange *x, size_t len)
{
	if (x->piece.len > 0) {
		x->piece.ptr += len;
		x->piece.len -= len;
		return exchange_body(x);
	}
	x->at += len;
	if (x->at == x->buf.len) {
		x->buf.len = x->at = 0;
		if (x->paused)
			resume(x);
	}
	return exchange_body(x);
}

int64_t
exchange_heard_ms(const struct exchange *x)
{
	return x->heard_ms;
}

int64_t
exchange_opened_ms(const struct exchange *x)
{
	return x->opened_ms;
}

bool
exchange_connected(const struct exchange *x)
{
	return x->connected;
}

long
exchange_response(const struct exchange *x)
{
	long status = 0;

	if (x->easy != NULL)
		(void)curl_easy_getinfo(
		    x->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

int64_t
exchange_retry_after_ms(struct exchange *x)
{
	curl_off_t s = 0;

	(void)curl_easy_getinfo(x->easy, CURLINFO_RETRY_AFTER, &s);
	return s < RETRY_AFTER_MAX_MS / 1000 ? s * 1000 : RETRY_AFTER_MAX_MS;
}

const char *
exchange_peer(struct exchange *x)
{
	static const char *const versions[] = { "HTTP", "HTTP/1.0", "HTTP/1.1",
		"HTTP/2", "HTTP/3" };
	static const long codes[] = { 0, CURL_HTTP_VERSION_1_0,
		CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_2_0,
		CURL_HTTP_VERSION_3 };
	long version = 0, port = 0;
	const char *ip = NULL;
	size_t i = sizeof(codes) / sizeof(codes[0]) - 1;

	(void)curl_easy_getinfo(x->easy, CURLINFO_PRIMARY_IP, &ip);
	(void)curl_easy_getinfo(x->easy, CURLINFO_PRIMARY_PORT, &port);
	(void)curl_easy_getinfo(x->easy, CURLINFO_HTTP_VERSION, &version);
	while (i > 0 && codes[i] != version)
		i--;
	if (ip == NULL || *ip == '\0' || port == 0)
		snprintf(x->peer, sizeof(x->peer), "%s", versions[i]);
	else
		snprintf(x->peer, sizeof(x->peer), "%.60s port %ld, %s", ip,
		    port, versions[i]);
	return x->peer;
}

unsigned long long
exchange_bytes(const struct exchange *x)
{
	return x->bytes;
}

/* Say what the response was that is no event stream. */
static struct verdict
judge_response(struct exchange *x)
{
	long status = exchange_response(x), redirects = 0;
	struct verdict v = verdict_of_response(status, NULL);
	const char *url = NULL, *type = NULL, *reason;
	char *shown = NULL, said[REASON_LEN];

	(void)curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_COUNT, &redirects);
	(void)curl_easy_getinfo(x->easy, CURLINFO_EFFECTIVE_URL, &url);
	(void)curl_easy_getinfo(x->easy, CURLINFO_CONTENT_TYPE, &type);
	reason = reason_of(
	    type, (struct sse_text){ x->refusal.ptr, x->refusal.len }, said);
	if (redirects > 0 && url != NULL)
		shown = request_shown(url);
	exchange_say(x, v.status, "HTTP status %ld%s%s%s%s", status,
	    shown != NULL ? ", redirected to " : "", shown != NULL ? shown : "",
	    *reason != '\0' ? ": " : "", reason);
	free(shown);
	return v;
}

static struct verdict
judge_failure(struct exchange *x)
{
	CURLcode code = x->end.code;
	struct verdict v = verdict_of_failure(code);
	const char *why = x->curl_said[0] != '\0' ? x->curl_said
						  : curl_easy_strerror(code);
	const char *who = "";
	char elsewhere[REASON_LEN];
	long os = 0, checked = 0, proxy = 0;

	/* The answer of a proxy that is to pass TLS on. */
	(void)curl_easy_getinfo(x->easy, CURLINFO_HTTP_CONNECTCODE, &proxy);
	if (verdict_of_response(proxy, NULL).status == EX_NOPERM)
		v = verdict_of_response(proxy, NULL);
	/* It names the host once more, and how many milliseconds it took. */
	if (code == CURLE_COULDNT_CONNECT &&
	    curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &os) == CURLE_OK &&
	    os != 0) {
		who = reason_elsewhere(why, x->conf->url, elsewhere);
		why = strerror((int)os);
	}
	/* libcurl's answer to one line of a head that it will not hold. */
	if (code == CURLE_OUT_OF_MEMORY && x->head_bytes > 0 && !x->good) {
		v = (struct verdict){ VERDICT_NEVER, EX_PROTOCOL };
		why = "the head of the answer is too large";
	}
	(void)curl_easy_getinfo(x->easy, CURLINFO_SSL_VERIFYRESULT, &checked);
	exchange_say(
	    x, v.status, "%s%s%s", who, why, verdict_remedy(code, checked));
	return v;
}

struct verdict
exchange_judge(struct exchange *x, const char *reason)
{
	if (x->stopped)
		return x->verdict;
	if (x->good && x->end.code == CURLE_OK) {
		exchange_say(x, EX_UNAVAILABLE,
		    "the server ended the stream%s%s",
		    *reason != '\0' ? ": " : "", reason);
		return (struct verdict){ VERDICT_GOOD, EX_UNAVAILABLE };
	}
	/* To libcurl that is the end of an empty response. */
	if (x->end.code == CURLE_OK && !x->headed) {
		exchange_say(
		    x, EX_UNAVAILABLE, "the head of the answer breaks off");
		return (struct verdict){ VERDICT_LATER, EX_UNAVAILABLE };
	}
	if (x->end.code == CURLE_OK || x->error_bytes > ERROR_BODY_MAX)
		return judge_response(x);
	return judge_failure(x);
}

const char *
exchange_said(const struct exchange *x)
{
	return x->said;
}

int
exchange_status(const struct exchange *x)
{
	return x->status;
}
