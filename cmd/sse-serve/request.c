#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http_answer.h"
#include "keyring.h"
#include "request.h"
#include "seek.h"
#include "visible.h"

#define SPARE_MAX 64     /* requests kept, */
#define SPARE_BYTES 4096 /* with buffers up to this size */

struct request *
request_new(struct requests *pool)
{
	struct request *r = pool->spare;

	if (r == NULL && (r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	if (r == pool->spare) {
		pool->spare = r->next;
		pool->n--;
		r->next = NULL;
	}
	r->who = identity_anonymous(false);
	return r;
}

static void
destroy(struct request *r)
{
	sse_buf_free(&r->in);
	sse_buf_free(&r->body);
	sse_buf_free(&r->out);
	free(r);
}

/* As new, but for the memory that its buffers have. */
static void
renew(struct request *r)
{
	struct sse_buf in = r->in, body = r->body, out = r->out;

	in.len = body.len = out.len = 0;
	memset(r, 0, sizeof(*r));
	r->in = in;
	r->body = body;
	r->out = out;
}

void
request_free(struct requests *pool, struct request *r)
{
	if (r == NULL)
		return;
	if (r->routed)
		route_free(&r->route);
	identity_free(r->who);
	seek_free(r->seek);
	r->seek = NULL;
	if (pool->n == SPARE_MAX ||
	    r->in.cap + r->body.cap + r->out.cap > SPARE_BYTES) {
		destroy(r);
		return;
	}
	renew(r);
	r->next = pool->spare;
	pool->spare = r;
	pool->n++;
}

void
requests_clear(struct requests *pool)
{
	struct request *r;

	while ((r = pool->spare) != NULL) {
		pool->spare = r->next;
		destroy(r);
	}
	pool->n = 0;
}

/* What a client sent is shown, so that it cannot write to the terminal. */
static void
tell_request(const struct conf *conf, const struct http_head *h)
{
	char method[32], target[256];

	if (conf->verbose > 1)
		warnx("%s %s", visible_line(h->method, method, sizeof(method)),
		    visible_line(h->target, target, sizeof(target)));
}

static enum request_state
refuse(struct request *r, int status, const char *why)
{
	r->status = status;
	r->why = why;
	r->keep_alive = false;
	if (http_refuse(&r->out, status, why, true, time(NULL)) == -1)
		return REQUEST_NOMEM;
	return REQUEST_REFUSED;
}

/* What the head alone answers: pages, refusals, preflights. */
static enum request_state
answer_head(
    struct request *r, const struct http_head *h, const struct route_conf *rc)
{
	const struct route *to = &r->route;
	bool stream = to->what == ROUTE_EVENTS && !to->head_only;

	if (stream || to->what == ROUTE_PUBLISH || to->what == ROUTE_ACK ||
	    to->what == ROUTE_INSPECT)
		return REQUEST_MORE;
	if (to->what == ROUTE_BAD)
		r->why = to->why;
	r->status = route_status(to);
	/*
	 * A body that is not wanted is not read, lest it be taken for requests:
	 * the connection ends.  So does one whose answer is a stream's head.
	 */
	if (r->how == HTTP_BODY_CHUNKED || r->content_length > 0 ||
	    to->what == ROUTE_EVENTS)
		r->keep_alive = false;
	if (route_answer(&r->out, to, h, rc, !r->keep_alive, time(NULL)) == -1)
		return REQUEST_NOMEM;
	return r->keep_alive ? REQUEST_ANSWERED : REQUEST_REFUSED;
}

/* Who sends it?  -1 with ENOMEM. */
static int
identify(struct request *r, const struct http_head *h, const struct conf *conf,
    const struct peer *peer, struct auth_refusal *denied)
{
	struct timespec now;
	int error;

	clock_gettime(CLOCK_REALTIME, &now);
	error = auth(&conf->auth, keyring_hold(conf->keyring), peer, h,
	    (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, &r->who,
	    denied);
	keyring_release(conf->keyring);
	if (error == -1)
		r->who = identity_anonymous(false);
	return error;
}

static enum request_state
take_head(struct request *r, const struct http_head *h, const struct conf *conf,
    const struct peer *peer, request_gate *gate, void *arg)
{
	struct route_conf rc = { .required = conf->auth.required,
		.open_publish = conf->open_publish,
		.origins = conf->origins,
		.norigins = conf->norigins,
		.loopback_host = peer->admin && !peer->is_unix,
		.max_channels = conf->max_channels };
	enum request_state state;

	r->client = trust_client(&conf->trust, &peer->addr, h);
	r->how = h->body;
	r->content_length = h->body == HTTP_BODY_LENGTH ? h->content_length : 0;
	r->keep_alive = h->keep_alive;
	r->expect = h->expect_continue;
	tell_request(conf, h);
	if (identify(r, h, conf, peer, &rc.denied) == -1)
		return REQUEST_NOMEM;
	rc.id = r->who;
	if (route_parse(&r->route, h, &rc) == -1)
		return REQUEST_NOMEM;
	r->routed = true;
	(void)route_cors(h, &rc, r->cors);
	if ((r->refusal = gate(arg, r)) != REFUSAL_NONE)
		return REQUEST_REJECTED;
	if (h->body == HTTP_BODY_LENGTH && h->content_length > conf->max_body)
		return refuse(r, 413, "the body is too large (--max-body)");
	if ((state = answer_head(r, h, &rc)) != REQUEST_MORE)
		return state;
	if (r->route.what == ROUTE_EVENTS)
		return REQUEST_COMPLETE;
	if (r->expect && r->in.len == r->head_len &&
	    http_continue(&r->out) == -1)
		return REQUEST_NOMEM;
	return REQUEST_MORE;
}

static enum request_state
look_chunks(struct request *r, const struct conf *conf)
{
	while (!r->chunk.done) {
		size_t at = r->head_len + r->body_len;
		struct sse_text data;
		ssize_t n;

		if (at == r->in.len)
			return REQUEST_MORE;
		n = http_chunk_read(
		    &r->chunk, r->in.ptr + at, r->in.len - at, &data);
		if (n == -1)
			return refuse(r, 400, "the body is not well chunked");
		if (r->body.len + data.len > conf->max_body)
			return refuse(
			    r, 413, "the body is too large (--max-body)");
		if (sse_buf_append(&r->body, data.ptr, data.len) == -1)
			return REQUEST_NOMEM;
		r->body_len += (size_t)n;
		/* What is decoded need not be kept twice. */
		memmove(r->in.ptr + r->head_len,
		    r->in.ptr + r->head_len + r->body_len,
		    r->in.len - r->head_len - r->body_len);
		r->in.len -= r->body_len;
		r->body_len = 0;
	}
	return REQUEST_COMPLETE;
}

static enum request_state
look_body(struct request *r, const struct conf *conf)
{
	if (r->how == HTTP_BODY_CHUNKED)
		return look_chunks(r, conf);
	if (r->in.len - r->head_len < r->content_length)
		return REQUEST_MORE;
	r->body_len = (size_t)r->content_length;
	return REQUEST_COMPLETE;
}

enum request_state
request_look(struct request *r, const struct conf *conf,
    const struct peer *peer, request_gate *gate, void *arg)
{
	struct http_head h;
	enum request_state state;
	int status = 400;
	ssize_t n;

	if (r->head_len == 0) {
		n = http_parse(r->in.ptr, r->in.len, &h, &status);
		if (n == -1)
			return refuse(r, status, h.fault);
		if ((n == 0 && r->in.len > conf->max_head) ||
		    (n > 0 && (size_t)n > conf->max_head))
			return refuse(r, http_too_long(r->in.ptr, r->in.len),
			    "the request's head is too long (--max-head)");
		if (n == 0)
			return REQUEST_MORE;
		r->head_len = (size_t)n;
		state = take_head(r, &h, conf, peer, gate, arg);
		if (state != REQUEST_MORE)
			return state;
	}
	return look_body(r, conf);
}

struct sse_text
request_body(const struct request *r)
{
	if (r->how == HTTP_BODY_CHUNKED)
		return (struct sse_text){ r->body.ptr, r->body.len };
	return (struct sse_text){ r->in.ptr + r->head_len, r->body_len };
}

void
request_next(struct request *r)
{
	size_t used = r->head_len + r->body_len;

	if (r->routed)
		route_free(&r->route);
	r->routed = false;
	identity_free(r->who);
	seek_free(r->seek);
	r->seek = NULL;
	r->who = identity_anonymous(false);
	memmove(r->in.ptr, r->in.ptr + used, r->in.len - used);
	r->in.len -= used;
	r->head_len = r->body_len = 0;
	r->body.len = 0;
	r->out.len = r->out_at = 0;
	r->chunk = (struct http_chunk){ 0 };
	r->how = HTTP_BODY_NONE;
	r->content_length = 0;
	r->in_sync = r->in_mark = false;
	r->status = 0;
	r->why = NULL;
}
