#include <stdio.h>
#include <stdlib.h>

#include "conn_inner.h"
#include "guest.h"
#include "opening.h"

struct sweep_at *
conn_sweep_at(struct conn *c)
{
	return &c->at;
}

void
conn_tell(struct conn *c, const struct conn_view *view, enum notice_what what)
{
	char id[CONN_ID_LEN], addr[ADDR_LEN];
	char words[CONN_ID_LEN + ADDR_LEN + CHANNEL_MAX + 3];
	struct notice n = { .what = what };
	int len;

	if (view->client.len == 0)
		return;
	conn_id_format(&view->id, id);
	len = snprintf(words, sizeof(words), "%s %s %.*s", id,
	    addr_format(view->addr, addr), (int)view->client.len,
	    view->client.ptr);
	n.name = name_dup((struct sse_text){ words, (size_t)len });
	if (n.name.ptr != NULL)
		worker_tell(conn_worker(c), &n);
}

/* The stream, if it is one, is over. */
static void
end_stream(struct conn *c)
{
	struct conn_view view;

	if (c->state != CONN_STREAMING)
		return;
	conn_worker(c)->counters.endings[c->ending]++;
	conn_worker(c)->counters.streams_now--;
	(void)conn_look(c, &view);
	witness_end(&conn_worker(c)->witness, &view, ending_names[c->ending]);
	conn_tell(c, &view, NOTICE_GONE);
	visit_free(c->visit);
	c->visit = NULL;
}

void
conn_close(struct conn *c)
{
	struct worker *w = conn_worker(c);

	if (c->state == CONN_CLOSED)
		return;
	end_stream(c);
	w->counters.outcomes[c->outcome]++;
	c->state = CONN_CLOSED;
	ev_io_stop(w->loop, &c->io);
	transport_close(&c->transport);
	if (c->request != NULL)
		sweep_calm(&w->sweep, &c->request->hurry);
	admission_leave(w->tally, &c->admission, &c->peer.addr);
	worker_closed(w);
}

/* Whose stream it is, or would be; empty: nobody's in particular. */
static struct sse_text
client_id(const struct conn *c)
{
	if (c->guest != NULL)
		return c->guest->id->client;
	return c->request != NULL ? c->request->who->client : text_of(NULL);
}

void
conn_leave(struct conn *c)
{
	admission_end(conn_worker(c)->tally, &c->admission, client_id(c));
	opening_undo(conn_worker(c), &c->stream);
	guest_free(&conn_worker(c)->guests, c->guest);
	c->guest = NULL;
}

/* Every callback ends here, so that nothing else has to ask who still is. */
void
conn_settle(struct conn *c)
{
	if (c->state != CONN_CLOSED)
		return;
	conn_leave(c);
	visit_free(c->visit);
	c->visit = NULL;
	request_free(&conn_worker(c)->requests, c->request);
	c->request = NULL;
	if (c->posting)
		return; /* conn_posted() will find it */
	sweep_remove(&conn_worker(c)->sweep, &c->at);
	free(c);
}

void
conn_watch(struct conn *c, int events)
{
	if (c->state == CONN_CLOSED ||
	    (c->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(conn_worker(c)->loop, &c->io);
	ev_io_modify(&c->io, events);
	ev_io_start(conn_worker(c)->loop, &c->io);
}

static void
hurry(struct conn *c)
{
	double patience = (double)conn_worker(c)->conf->header_ms / 1000;

	sweep_hurry(&conn_worker(c)->sweep, &c->request->hurry, c,
	    ev_now(conn_worker(c)->loop) + patience);
}

/* All is written.  Closing at once might reset what is still on its way. */
static void
conn_linger(struct conn *c)
{
	struct requests *requests = &conn_worker(c)->requests;

	if (c->request == NULL &&
	    (c->request = request_new(requests)) == NULL) {
		conn_close(c);
		return;
	}
	end_stream(c);
	transport_finish(&c->transport);
	c->state = CONN_LINGERING;
	conn_leave(c);
	hurry(c);
	conn_watch(c, EV_READ);
}

/* The stream has been written to its end. */
void
conn_end(struct conn *c, enum ending why)
{
	c->ending = (uint8_t)why;
	conn_linger(c);
}

/* Write out.  Returns 1 when it is empty, 0 when not, -1 when closed. */
int
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
		conn_worker(c)->counters.bytes_out += (size_t)n;
		r->out_at += (size_t)n;
	}
	r->out.len = r->out_at = 0;
	conn_watch(c, EV_READ);
	return 1;
}

/* Write the answer; then there is another request, or none. */
void
conn_answer(struct conn *c)
{
	c->state = CONN_ANSWERING;
	if (conn_flush(c) != 1)
		return;
	if (c->close || conn_worker(c)->stopping) {
		conn_linger(c);
		return;
	}
	request_next(c->request);
	c->state = CONN_REQUEST;
	hurry(c);
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
	struct conn *c = (struct conn *)io; /* which is its first member */

	(void)loop;
	if (revents & EV_READ) {
		if (c->state == CONN_REQUEST)
			conn_read(c);
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
conn_new(struct worker *w, int fd, const struct peer *peer)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->request = request_new(&w->requests)) == NULL ||
	    sweep_add(&w->sweep, c, &c->at) == -1) {
		struct transport t = { fd };

		if (c != NULL)
			request_free(&w->requests, c->request);
		free(c);
		transport_close(&t);
		worker_closed(w);
		return;
	}
	c->io.data = w;
	c->transport.fd = fd;
	c->peer = *peer;
	c->herald = w->conf->proxy_protocol && !peer->admin &&
	    trust_has(&w->conf->trust, &peer->addr);
	if (c->herald)
		c->admission.refused = REFUSAL_NONE;
	else
		conn_meet(c);
	ev_io_init(&c->io, conn_ready, fd, EV_READ);
	ev_io_start(w->loop, &c->io);
	hurry(c);
	/* The request has mostly come along; a look now saves a turn. */
	conn_read(c);
	conn_settle(c);
}

/* A first request may be on its way, and has nobody else to go to. */
void
conn_hang_up(struct conn *c)
{
	if (c->outcome != OUTCOME_NOTHING)
		conn_forgo(c);
}

void
conn_forgo(struct conn *c)
{
	if (c->state == CONN_REQUEST && c->request->head_len == 0)
		conn_linger(c);
	conn_settle(c);
}

void
conn_discard(struct conn *c)
{
	c->posting = false;
	conn_kill(c);
}
