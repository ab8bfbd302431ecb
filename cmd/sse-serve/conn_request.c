#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ack.h"
#include "conn_inner.h"
#include "http_answer.h"
#include "inquiry.h"
#include "post.h"
#include "proxy.h"

static const struct addr *
client_of(const struct conn *c)
{
	const struct request *r = c->request;

	return r->routed ? &r->client : &c->peer.addr;
}

/* It is refused for the time being. */
void
conn_refuse(struct conn *c, enum refusal reason)
{
	struct request *r = c->request;
	const struct conf *conf = conn_worker(c)->conf;
	struct refusing refusing = { .reason = reason,
		.softly = !conf->refuse_hard && r->route.what == ROUTE_EVENTS,
		.retry_ms = conf->retry_ms,
		.chance = arc4random(),
		.fields = r->cors,
		.now_s = time(NULL) };

	conn_leave(c);
	c->outcome = OUTCOME_REFUSED;
	conn_worker(c)->counters.refusals[reason]++;
	c->close = true;
	if (refusal_answer(&r->out, &refusing) == -1) {
		conn_close(c);
		return;
	}
	witness_answer(&conn_worker(c)->witness, r, client_of(c),
	    refusing.softly ? 200 : refusal_status(reason),
	    refusal_text(reason));
	conn_answer(c);
}

/* The answer is made, by status; why: it is a refusal.  It goes out. */
static void
conclude(struct conn *c, int status, const char *why)
{
	witness_answer(
	    &conn_worker(c)->witness, c->request, client_of(c), status, why);
	c->outcome = status < 400 ? OUTCOME_ANSWERED : OUTCOME_REFUSED;
	if (status >= 400)
		conn_worker(c)->counters.refusals[refusal_of(status)]++;
	conn_answer(c);
}

static void
answer_as(struct conn *c, struct http_answer *a)
{
	a->close = c->close;
	a->now_s = time(NULL);
	if (http_answer(&c->request->out, a) == -1)
		conn_close(c);
	else
		conclude(c, a->status,
		    a->status >= 400 ? http_reason(a->status) : NULL);
}

void
conn_say(struct conn *c, int status, struct sse_text body)
{
	char fields[ROUTE_CORS_MAX + REFUSAL_AFTER_MAX];
	char after[REFUSAL_AFTER_MAX];
	struct http_answer a = { .status = status,
		.fields = fields,
		.type = body.len > 0 ? "text/plain; charset=utf-8" : NULL,
		.body = body };

	snprintf(fields, sizeof(fields), "%s%s", c->request->cors,
	    refusal_after(
		status, conn_worker(c)->conf->retry_ms, arc4random(), after));
	answer_as(c, &a);
}

/* The client says what it has read. */
static void
acknowledge(struct conn *c)
{
	struct request *r = c->request;
	struct ack *a = ack_new(
	    c, conn_worker(c)->id, r->who->client, r->who, r->route.id);

	if (a == NULL) {
		conn_close(c);
		return;
	}
	r->who = identity_anonymous(r->who->admin);
	c->state = CONN_POSTING;
	c->posting = true;
	sweep_calm(&conn_worker(c)->sweep, &r->hurry);
	conn_watch(c, 0);
	worker_tell(
	    conn_worker(c), &(struct notice){ .what = NOTICE_ACK, .ack = a });
}

void
conn_acked(struct ack *a)
{
	struct conn *c = a->conn;
	char body[ACK_ANSWER_MAX];

	c->posting = false;
	if (c->state == CONN_OPENING)
		conn_marked(c, a);
	else if (c->state == CONN_POSTING) {
		conn_say(c, a->status,
		    (struct sse_text){ body, ack_answer(a, body) });
		if (c->state == CONN_REQUEST)
			conn_run(c);
	}
	ack_free(a);
	conn_settle(c);
}

static void
publish(struct conn *c)
{
	struct request *r = c->request;
	struct post *p = post_new();

	if (p == NULL ||
	    post_read(p, &r->route, r->who, conn_worker(c)->conf->open_publish,
		request_body(r), conn_worker(c)->conf->max_event) == -1) {
		post_free(p);
		conn_close(c);
		return;
	}
	p->conn = c;
	p->worker = conn_worker(c)->id;
	c->state = CONN_POSTING;
	c->posting = true;
	sweep_calm(&conn_worker(c)->sweep, &r->hurry);
	/* The peer is not read from meanwhile; that it went will be found. */
	conn_watch(c, 0);
	if (p->status != 200) {
		conn_posted(p);
		return;
	}
	worker_tell(
	    conn_worker(c), &(struct notice){ .what = NOTICE_POST, .post = p });
}

/* The hub and all workers are asked. */
static void
inquire(struct conn *c)
{
	const struct request *r = c->request;
	struct inquiry *q = inquiry_new(
	    &r->route.inspect, r->who, c, conn_worker(c)->id);

	if (q == NULL) {
		conn_close(c);
		return;
	}
	c->state = CONN_POSTING;
	c->posting = true;
	sweep_calm(&conn_worker(c)->sweep, &c->request->hurry);
	conn_watch(c, 0);
	worker_tell(conn_worker(c),
	    &(struct notice){ .what = NOTICE_INQUIRE, .inquiry = q });
}

void
conn_inquired(struct inquiry *q)
{
	struct conn *c = q->conn;
	struct http_answer a = { .status = 503 };
	struct sse_buf body = { 0 };

	c->posting = false;
	if (c->state == CONN_POSTING) {
		a.head_only = c->request->route.head_only;
		if (inquiry_answer(q, conn_worker(c)->conf, &a, &body) == -1)
			conn_close(c);
		else
			answer_as(c, &a);
		if (c->state == CONN_REQUEST)
			conn_run(c);
	}
	sse_buf_free(&body);
	inquiry_free(q);
	conn_settle(c);
}

static void
answer_post(struct conn *c, const struct post *p)
{
	struct sse_text body = { p->answer.ptr, p->answer.len };
	static const char expose[] = "Access-Control-Expose-Headers: "
				     "Idempotent-Replayed, Sse-Reached\r\n";
	const char *cors = c->request->cors;
	char fields[ROUTE_CORS_MAX + 256], reached[48] = "";
	struct http_answer a = { .status = p->status,
		.fields = fields,
		.type = "text/plain; charset=utf-8",
		.body = body };

	if (p->status != 200) {
		conn_say(c, p->status, body);
		return;
	}
	if (post_reached(p) >= 0)
		snprintf(reached, sizeof(reached),
		    "Sse-Reached: %" PRId64 "\r\n", post_reached(p));
	/* A page of another origin sees no others than those that are named. */
	snprintf(fields, sizeof(fields), "%s%s%s%s", cors,
	    *cors != '\0' ? expose : "",
	    p->known ? "Idempotent-Replayed: true\r\n" : "", reached);
	answer_as(c, &a);
}

void
conn_posted(struct post *p)
{
	struct conn *c = p->conn;

	c->posting = false;
	if (c->state == CONN_POSTING) {
		answer_post(c, p);
		if (c->state == CONN_REQUEST)
			conn_run(c); /* another may have come behind it */
	}
	post_free(p);
	conn_settle(c);
}

/* May the request, whose head is read, come in? */
static enum refusal
may_enter(void *arg, const struct request *r)
{
	struct conn *c = arg;
	struct worker *w = conn_worker(c);
	enum refusal reason;

	/* Others are given what they are due, and told when to come back. */
	if (w->stopping && w->conf->refuse_hard &&
	    r->route.what == ROUTE_EVENTS)
		return REFUSAL_STOPPING;
	reason = admission_request(
	    w->tally, w->conf, &c->admission, &c->peer, r);
	if (c->admission.counted)
		c->peer.addr = r->client;
	return reason;
}

/* Deal with all requests that are complete. */
void
conn_run(struct conn *c)
{
	struct request *r = c->request;

	while (c->state == CONN_REQUEST && r->in.len > 0) {
		switch (request_look(
		    r, conn_worker(c)->conf, &c->peer, may_enter, c)) {
		case REQUEST_MORE:
			if (r->out.len > 0)
				(void)conn_flush(c);
			return;
		case REQUEST_COMPLETE:
			c->close = !r->keep_alive;
			if (r->route.what == ROUTE_PUBLISH)
				publish(c);
			else if (r->route.what == ROUTE_ACK)
				acknowledge(c);
			else if (r->route.what == ROUTE_INSPECT)
				inquire(c);
			else
				conn_open(c);
			return;
		case REQUEST_REFUSED:
			c->close = true;
			conclude(c, r->status, r->why);
			return;
		case REQUEST_ANSWERED:
			conclude(c, r->status, r->why);
			break;
		case REQUEST_REJECTED:
			conn_refuse(c, r->refusal);
			return;
		case REQUEST_NOMEM:
			conn_close(c);
			return;
		}
	}
}

/* Whose the connection is, is known: may it come in? */
void
conn_meet(struct conn *c)
{
	c->admission = admission_accept(
	    conn_worker(c)->tally, conn_worker(c)->conf, &c->peer);
}

/* A proxy says first whose connection it is.  False: it has not yet. */
static bool
hear_herald(struct conn *c)
{
	struct sse_buf *in = &c->request->in;
	struct proxy p;
	ssize_t n = proxy_parse(in->ptr, in->len, &p);

	if (n == -1) {
		/* It would take an answer for one to somebody's request. */
		conn_worker(c)->counters.refusals[REFUSAL_MALFORMED]++;
		conn_close(c);
	}
	if (n <= 0)
		return false;
	in->len -= (size_t)n;
	memmove(in->ptr, in->ptr + n, in->len);
	c->herald = false;
	if (p.known)
		c->peer.addr = p.source;
	conn_meet(c);
	return true;
}

void
conn_read(struct conn *c)
{
	struct request *r = c->request;
	struct worker *w = conn_worker(c);
	ssize_t n = transport_read(&c->transport, w->inbox, w->inbox_len);

	if (n == -1 ||
	    (n > 0 && sse_buf_append(&r->in, w->inbox, (size_t)n) == -1)) {
		conn_close(c);
		return;
	}
	if (n == 0)
		return;
	w->counters.bytes_in += (size_t)n;
	if (!c->herald || hear_herald(c))
		conn_run(c);
}

void
conn_late(struct conn *c)
{
	static const char late[] = "the request was not sent in time";
	struct request *r = c->request;

	sweep_calm(&conn_worker(c)->sweep, &r->hurry);
	if (c->state == CONN_REQUEST && r->in.len > 0) {
		c->close = true;
		if (http_refuse(&r->out, 408, late, true, time(NULL)) == -1)
			conn_close(c);
		else
			conclude(c, 408, late);
	} else if (c->state == CONN_OPENING)
		conn_refuse(c, REFUSAL_CHANNELS);
	else
		conn_close(c);
	conn_settle(c);
}
