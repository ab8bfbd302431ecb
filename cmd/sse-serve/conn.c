#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conn.h"
#include "http_answer.h"
#include "opening.h"
#include "post.h"
#include "request.h"
#include "stream.h"
#include "worker.h"

enum conn_state {
	CONN_REQUEST,   /* a request comes in */
	CONN_POSTING,   /* the hub publishes its body */
	CONN_ANSWERING, /* an answer goes out */
	CONN_OPENING,   /* a stream waits for its channels */
	CONN_STREAMING,
	CONN_LINGERING, /* all is written; the peer is to close first */
	CONN_CLOSED,    /* to be freed at the end of the callback */
};

struct conn {
	ev_io io;
	struct worker *worker;
	struct request *request; /* NULL while streaming */
	struct stream *stream;   /* NULL while not */
	struct transport transport;
	struct sweep_at at;
	uint8_t state;
	bool admin : 1;
	bool is_unix : 1;
	bool active : 1;  /* something was written since the last sweep */
	bool close : 1;   /* once the answer is written */
	bool posting : 1; /* the hub has a post that names it */
};

static void conn_run(struct conn *c);

struct sweep_at *
conn_sweep_at(struct conn *c)
{
	return &c->at;
}

static void
conn_close(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->state == CONN_CLOSED)
		return;
	c->state = CONN_CLOSED;
	ev_io_stop(w->loop, &c->io);
	transport_close(&c->transport);
	if (c->request != NULL)
		sweep_calm(&w->sweep, &c->request->hurry);
	worker_closed(w);
}

static void
leave(struct conn *c)
{
	opening_undo(c->worker, c->stream);
	c->stream = NULL;
}

/* Every callback ends here, so that nothing else has to ask who still is. */
static void
conn_settle(struct conn *c)
{
	if (c->state != CONN_CLOSED)
		return;
	leave(c);
	request_free(c->request);
	c->request = NULL;
	if (c->posting)
		return; /* conn_posted() will find it */
	sweep_remove(&c->worker->sweep, &c->at);
	free(c);
}

static void
conn_watch(struct conn *c, int events)
{
	if (c->state == CONN_CLOSED ||
	    (c->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(c->worker->loop, &c->io);
	ev_io_modify(&c->io, events);
	ev_io_start(c->worker->loop, &c->io);
}

static void
hurry(struct conn *c)
{
	double patience = (double)c->worker->conf->header_ms / 1000;

	sweep_hurry(&c->worker->sweep, &c->request->hurry, c,
	    ev_now(c->worker->loop) + patience);
}

/* All is written.  Closing at once might reset what is still on its way. */
static void
conn_linger(struct conn *c)
{
	if (c->request == NULL && (c->request = request_new()) == NULL) {
		conn_close(c);
		return;
	}
	transport_finish(&c->transport);
	c->state = CONN_LINGERING;
	leave(c);
	hurry(c);
	conn_watch(c, EV_READ);
}

/* Write out.  Returns 1 when it is empty, 0 when not, -1 when closed. */
static int
conn_flush(struct conn *c)
{
	struct request *r = c->request;

	while (r->out_at < r->out.len) {
		struct iovec iov = { r->out.ptr + r->out_at,
			r->out.len - r->out_at };
		ssize_t n = transport_writev(&c->transport, &iov, 1);

		if (n == -1) {
			conn_close(c);
			return -1;
		}
		if (n == 0) {
			conn_watch(c, EV_READ | EV_WRITE);
			return 0;
		}
		r->out_at += (size_t)n;
	}
	r->out.len = r->out_at = 0;
	conn_watch(c, EV_READ);
	return 1;
}

/* Write the answer; then there is another request, or none. */
static void
conn_answer(struct conn *c)
{
	c->state = CONN_ANSWERING;
	if (conn_flush(c) != 1)
		return;
	if (c->close || c->worker->stopping) {
		conn_linger(c);
		return;
	}
	request_next(c->request);
	c->state = CONN_REQUEST;
	hurry(c);
}

/*
 * A refusal that passes must not end an EventSource for good: it is told as an
 * event stream that says when to come back, and closes.
 */
static void
refuse_softly(struct conn *c, const char *why)
{
	struct request *r = c->request;
	int64_t retry = c->worker->conf->retry_ms;
	struct sse_event ev = { .has = SSE_HAS_RETRY, .retry_ms = retry };

	leave(c);
	ev.retry_ms += arc4random_uniform((uint32_t)retry + 1);
	c->close = true;
	if (http_stream_head(&r->out, r->cors, time(NULL)) == -1 ||
	    sse_encode_comment(&r->out, text_of(why)) == -1 ||
	    sse_encode_event(&r->out, &ev) == -1) {
		conn_close(c);
		return;
	}
	conn_answer(c);
}

static void
answer(struct conn *c, int status, struct sse_text body)
{
	struct request *r = c->request;
	struct http_answer a = { .status = status,
		.fields = r->cors,
		.type = body.len > 0 ? "text/plain; charset=utf-8" : NULL,
		.body = body,
		.close = c->close,
		.now_s = time(NULL) };

	if (http_answer(&r->out, &a) == -1)
		conn_close(c);
	else
		conn_answer(c);
}

static void
conn_pump(struct conn *c, const struct channel *raw)
{
	struct worker *w = c->worker;

	c->active = true;
	switch (stream_pump(
	    c->stream, &c->transport, worker_era(w), raw, w->ended)) {
	case STREAM_IDLE:
		if (w->stopping)
			conn_linger(c);
		else
			conn_watch(c, EV_READ);
		break;
	case STREAM_BLOCKED:
		conn_watch(c, EV_READ | EV_WRITE);
		break;
	case STREAM_DONE:
		conn_linger(c);
		break;
	case STREAM_GONE:
		conn_close(c);
		break;
	}
}

/* Is nothing due to the stream, and never will be? */
static bool
at_the_end(struct conn *c, const struct era *era)
{
	return c->worker->ended && !subscriber_due(&c->stream->sub, era);
}

/* All channels are here: set the cursor and begin. */
static void
begin(struct conn *c)
{
	const struct era *era = worker_era(c->worker);
	struct request *r = c->request;
	struct start start = opening_start(&r->route);
	struct sse_buf head = { 0 };
	struct gap gap;
	int error;

	gap = subscriber_start(&c->stream->sub, &start, era);
	if (!gap.is && at_the_end(c, era)) {
		leave(c);
		answer(c, 204, text_of(NULL));
		return;
	}
	error = http_stream_head(&head, r->cors, time(NULL));
	if (error == 0)
		error = stream_open(c->stream,
		    (struct sse_text){ head.ptr, head.len },
		    c->worker->conf->retry_ms, &gap, start.id, era);
	sse_buf_free(&head);
	if (error == -1) {
		conn_close(c);
		return;
	}
	sweep_calm(&c->worker->sweep, &r->hurry);
	request_free(r);
	c->request = NULL;
	c->state = CONN_STREAMING;
	conn_pump(c, NULL);
}

static void
try_to_begin(struct conn *c)
{
	if (c->state == CONN_OPENING && !c->request->in_sync &&
	    subscriber_attached(&c->stream->sub))
		begin(c);
}

static void
open_stream(struct conn *c)
{
	struct worker *w = c->worker;
	struct start start = opening_start(&c->request->route);

	if (w->stopping) {
		refuse_softly(c, "the server is going down");
		return;
	}
	if (atomic_load(&w->tally->connections) > w->conf->max_connections) {
		refuse_softly(c, "too many connections");
		return;
	}
	c->stream = opening_stream(w, &c->request->route, c->admin, c);
	if (c->stream == NULL) {
		refuse_softly(c, "out of memory");
		return;
	}
	c->state = CONN_OPENING;
	conn_watch(c, EV_READ);
	if (subscriber_ahead(&start, &w->era)) {
		c->request->in_sync = true;
		worker_tell(w, &(struct notice){ .what = NOTICE_SYNC });
	}
	try_to_begin(c);
}

static void
publish(struct conn *c)
{
	struct request *r = c->request;
	struct identity who = auth_anonymous(c->admin);
	struct post *p = post_new();

	if (p == NULL ||
	    post_read(p, &r->route, &who, c->worker->conf->open_publish,
		request_body(r), c->worker->conf->max_event) == -1) {
		post_free(p);
		conn_close(c);
		return;
	}
	p->conn = c;
	p->worker = c->worker->id;
	c->state = CONN_POSTING;
	c->posting = true;
	sweep_calm(&c->worker->sweep, &r->hurry);
	/* The peer is not read from meanwhile; that it went will be found. */
	conn_watch(c, 0);
	if (p->status != 200) {
		conn_posted(p);
		return;
	}
	worker_tell(
	    c->worker, &(struct notice){ .what = NOTICE_POST, .post = p });
}

void
conn_posted(struct post *p)
{
	struct conn *c = p->conn;

	c->posting = false;
	if (c->state == CONN_POSTING) {
		answer(c, p->status,
		    (struct sse_text){ p->answer.ptr, p->answer.len });
		if (c->state == CONN_REQUEST)
			conn_run(c); /* another may have come behind it */
	}
	post_free(p);
	conn_settle(c);
}

/* Deal with all requests that are complete. */
static void
conn_run(struct conn *c)
{
	struct request *r = c->request;

	while (c->state == CONN_REQUEST && r->in.len > 0) {
		switch (
		    request_look(r, c->worker->conf, c->admin, c->is_unix)) {
		case REQUEST_MORE:
			if (r->out.len > 0)
				(void)conn_flush(c);
			return;
		case REQUEST_COMPLETE:
			c->close = !r->keep_alive;
			if (r->route.what == ROUTE_PUBLISH)
				publish(c);
			else
				open_stream(c);
			return;
		case REQUEST_REFUSED:
			c->close = true;
			conn_answer(c);
			return;
		case REQUEST_ANSWERED:
			conn_answer(c);
			break;
		case REQUEST_NOMEM:
			conn_close(c);
			return;
		}
	}
}

static void
read_request(struct conn *c)
{
	struct request *r = c->request;
	size_t room = c->worker->conf->max_head + 1;
	ssize_t n;

	if (sse_buf_reserve(&r->in, room) == -1) {
		conn_close(c);
		return;
	}
	n = transport_read(&c->transport, r->in.ptr + r->in.len, room);
	if (n == -1)
		conn_close(c);
	if (n <= 0)
		return;
	r->in.len += (size_t)n;
	conn_run(c);
}

/* What a client says while it only has to listen is not kept. */
static void
read_nothing(struct conn *c)
{
	char drop[4096];

	if (transport_read(&c->transport, drop, sizeof(drop)) == -1)
		conn_close(c);
}

static void
conn_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct conn *c = io->data;

	(void)loop;
	if (revents & EV_READ) {
		if (c->state == CONN_REQUEST)
			read_request(c);
		else if (c->state != CONN_POSTING)
			read_nothing(c);
	}
	if (revents & EV_WRITE) {
		if (c->state == CONN_STREAMING)
			conn_pump(c, NULL);
		else if (c->state == CONN_ANSWERING) {
			conn_answer(c);
			if (c->state == CONN_REQUEST)
				conn_run(c);
		} else if (c->state == CONN_REQUEST)
			(void)conn_flush(c);
	}
	conn_settle(c);
}

void
conn_new(struct worker *w, int fd, const struct listener *l)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->request = request_new()) == NULL ||
	    sweep_add(&w->sweep, c, &c->at) == -1) {
		struct transport t = { fd };

		if (c != NULL)
			request_free(c->request);
		free(c);
		transport_close(&t);
		worker_closed(w);
		return;
	}
	c->worker = w;
	c->transport.fd = fd;
	c->admin = l->admin;
	c->is_unix = l->is_unix;
	ev_io_init(&c->io, conn_ready, fd, EV_READ);
	c->io.data = c;
	ev_io_start(w->loop, &c->io);
	hurry(c);
	/* The request has mostly come along; a look now saves a turn. */
	read_request(c);
	conn_settle(c);
}

void
conn_wake(void *owner, const struct channel *raw)
{
	struct conn *c = owner;

	if (c->state != CONN_STREAMING || stream_blocked(c->stream))
		return;
	conn_pump(c, raw);
	conn_settle(c);
}

void
conn_attached(void *owner)
{
	struct conn *c = owner;

	try_to_begin(c);
	conn_settle(c);
}

void
conn_synced(struct conn *c)
{
	if (c->state != CONN_OPENING)
		return;
	c->request->in_sync = false;
	try_to_begin(c);
	conn_settle(c);
}

void
conn_sweep(struct conn *c)
{
	if (c->state != CONN_STREAMING || c->active) {
		c->active = false;
		return;
	}
	if (stream_blocked(c->stream))
		return;
	switch (
	    stream_keepalive(c->stream, &c->transport, worker_era(c->worker))) {
	case STREAM_BLOCKED:
		conn_watch(c, EV_READ | EV_WRITE);
		break;
	case STREAM_GONE:
		conn_close(c);
		break;
	default:
		c->active = true;
	}
	conn_settle(c);
}

void
conn_late(struct conn *c)
{
	struct request *r = c->request;

	sweep_calm(&c->worker->sweep, &r->hurry);
	if (c->state == CONN_REQUEST && r->in.len > 0) {
		c->close = true;
		if (http_refuse(&r->out, 408,
			"the request was not sent in time", true,
			time(NULL)) == -1)
			conn_close(c);
		else
			conn_answer(c);
	} else if (c->state == CONN_OPENING)
		refuse_softly(c, "the channels cannot be read at this time");
	else
		conn_close(c);
	conn_settle(c);
}

void
conn_stop(struct conn *c)
{
	switch (c->state) {
	case CONN_STREAMING:
		if (!stream_blocked(c->stream))
			conn_linger(c);
		break;
	case CONN_OPENING:
		refuse_softly(c, "the server is going down");
		break;
	case CONN_REQUEST:
		conn_linger(c);
		break;
	default:
		break;
	}
	conn_settle(c);
}

void
conn_kill(struct conn *c)
{
	conn_close(c);
	conn_settle(c);
}

void
conn_discard(struct conn *c)
{
	c->posting = false;
	conn_kill(c);
}

void
conn_finish(struct conn *c)
{
	if (c->state == CONN_STREAMING && !stream_blocked(c->stream))
		conn_pump(c, NULL);
	conn_settle(c);
}

bool
conn_behind(const struct conn *c, struct place *cursor)
{
	if (c->state != CONN_STREAMING || !stream_blocked(c->stream))
		return false;
	*cursor = c->stream->sub.cursor;
	return true;
}
