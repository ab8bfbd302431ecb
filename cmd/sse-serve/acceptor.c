#include <errno.h>
#include <sys/socket.h>

#include "acceptor.h"
#include "admission.h"
#include "conn.h"
#include "tuning.h"
#include "worker.h"

#define ACCEPTS_MAX 64 /* a turn, so that streams get theirs */
#define LINE_MAX 64    /* turns' worth of those who stand in line at the end */
#define PAUSE_S 1.     /* without descriptors, unless one is freed */

static void
pause_accept(struct acceptor *a)
{
	a->paused = true;
	a->worker->counters.pauses++;
	ev_io_stop(a->worker->loop, &a->io);
	ev_timer_again(a->worker->loop, &a->again);
}

void
acceptor_resume(struct acceptor *a)
{
	if (!a->paused || (a->worker->stopping && !a->listener->admin))
		return;
	a->paused = false;
	ev_timer_stop(a->worker->loop, &a->again);
	ev_io_start(a->worker->loop, &a->io);
}

static void
accept_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	acceptor_resume(t->data);
}

/* Take one connection.  -1 with errno. */
static int
accept_one(struct acceptor *a)
{
	struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
	struct sockaddr *sa = (void *)&from;
	struct peer peer = { .admin = a->listener->admin,
		.is_unix = a->listener->is_unix };
	socklen_t len = sizeof(from);
	int fd = accept4(a->io.fd, sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd == -1)
		return -1;
	if (peer.is_unix)
		tuning_unix(fd, a->worker->conf);
	peer.addr = addr_of(sa);
	atomic_fetch_add(&a->worker->tally->connections, 1);
	a->worker->counters.accepted++;
	conn_new(a->worker, fd, &peer);
	return 0;
}

static void
accept_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct acceptor *a = io->data;

	(void)loop;
	(void)revents;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		if (accept_one(a) == 0)
			continue;
		/* Without descriptors the kernel keeps them waiting. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			pause_accept(a);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

void
acceptor_stop(struct acceptor *a)
{
	const struct counters *counters = &a->worker->counters;
	uint64_t before = counters->accepted - 1;

	for (int i = 0; i < LINE_MAX && !a->listener->passed &&
	     counters->accepted != before;
	     i++) {
		before = counters->accepted;
		accept_ready(a->worker->loop, &a->io, EV_READ);
	}
	acceptor_clear(a);
	if (!a->listener->passed)
		(void)shutdown(a->listener->fd, SHUT_RDWR);
}

void
acceptor_clear(struct acceptor *a)
{
	ev_io_stop(a->worker->loop, &a->io);
	ev_timer_stop(a->worker->loop, &a->again);
}

void
acceptor_start(
    struct acceptor *a, struct worker *w, const struct listener *listener)
{
	a->listener = listener;
	a->worker = w;
	ev_io_init(&a->io, accept_ready, listener->fd, EV_READ);
	ev_init(&a->again, accept_again);
	a->again.repeat = PAUSE_S;
	a->io.data = a->again.data = a;
	ev_io_start(w->loop, &a->io);
}
