#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http_answer.h"
#include "request.h"
#include "visible.h"

struct request *
request_new(void)
{
	return calloc(1, sizeof(struct request));
}

void
request_free(struct request *r)
{
	if (r == NULL)
		return;
	if (r->routed)
		route_free(&r->route);
	sse_buf_free(&r->in);
	sse_buf_free(&r->body);
	sse_buf_free(&r->out);
	free(r);
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

static void
tell_refusal(const struct conf *conf, const struct http_head *h, int status,
    const char *why)
{
	char method[32], target[256];

	if (conf->verbose < 1)
		return;
	if (h == NULL)
		warnx("refused: %d %s", status, why);
	else
		warnx("refused: %s %s: %d %s",
		    visible_line(h->method, method, sizeof(method)),
		    visible_line(h->target, target, sizeof(target)), status,
		    why);
}

static enum request_state
refuse(struct request *r, const struct conf *conf, int status, const char *why)
{
	tell_refusal(conf, NULL, status, why);
	r->keep_alive = false;
	if (http_refuse(&r->out, status, why, true, time(NULL)) == -1)
		return REQUEST_NOMEM;
	return REQUEST_REFUSED;
}

/* What the head alone answers: pages, refusals, preflights. */
static enum request_state
answer_head(struct request *r, const struct http_head *h,
    const struct conf *conf, const struct route_conf *rc)
{
	const struct route *to = &r->route;
	bool stream = to->what == ROUTE_EVENTS && !to->head_only;

	if (stream || to->what == ROUTE_PUBLISH)
		return REQUEST_MORE;
	if (to->what == ROUTE_BAD)
		tell_refusal(conf, h, to->status, to->why);
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

static enum request_state
take_head(struct request *r, const struct http_head *h, const struct conf *conf,
    bool admin, bool is_unix)
{
	struct identity who = auth_anonymous(admin);
	struct route_conf rc = { .id = &who,
		.open_publish = conf->open_publish,
		.origins = conf->origins,
		.norigins = conf->norigins,
		.loopback_host = admin && !is_unix };
	enum request_state state;

	r->how = h->body;
	r->content_length = h->body == HTTP_BODY_LENGTH ? h->content_length : 0;
	r->keep_alive = h->keep_alive;
	r->expect = h->expect_continue;
	tell_request(conf, h);
	if (h->body == HTTP_BODY_LENGTH && h->content_length > conf->max_body)
		return refuse(
		    r, conf, 413, "the body is too large (--max-body)");
	if (route_parse(&r->route, h, &rc) == -1)
		return REQUEST_NOMEM;
	r->routed = true;
	(void)route_cors(h, &rc, r->cors);
	if ((state = answer_head(r, h, conf, &rc)) != REQUEST_MORE)
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
			return refuse(
			    r, conf, 400, "the body is not well chunked");
		if (r->body.len + data.len > conf->max_body)
			return refuse(
			    r, conf, 413, "the body is too large (--max-body)");
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
request_look(
    struct request *r, const struct conf *conf, bool admin, bool is_unix)
{
	struct http_head h;
	enum request_state state;
	int status = 400;
	ssize_t n;

	if (r->head_len == 0) {
		n = http_parse(r->in.ptr, r->in.len, &h, &status);
		if (n == -1)
			return refuse(r, conf, status, h.fault);
		if ((n == 0 && r->in.len > conf->max_head) ||
		    (n > 0 && (size_t)n > conf->max_head))
			return refuse(r, conf,
			    http_too_long(r->in.ptr, r->in.len),
			    "the request's head is too long (--max-head)");
		if (n == 0)
			return REQUEST_MORE;
		r->head_len = (size_t)n;
		state = take_head(r, &h, conf, admin, is_unix);
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
	memmove(r->in.ptr, r->in.ptr + used, r->in.len - used);
	r->in.len -= used;
	r->head_len = r->body_len = 0;
	r->body.len = 0;
	r->out.len = r->out_at = 0;
	r->chunk = (struct http_chunk){ 0 };
	r->how = HTTP_BODY_NONE;
	r->content_length = 0;
	r->in_sync = false;
}
