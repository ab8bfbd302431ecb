#include <errno.h>
#include <signal.h>
#include <string.h>

#include "chore.h"

static void
done_ready(struct ev_loop *loop, ev_async *async, int revents)
{
	struct chore *c = async->data;

	(void)revents;
	ev_async_stop(loop, async);
	pthread_join(c->thread, NULL);
	c->busy = false;
	c->finished(c->arg, c->result);
}

void
chore_init(struct chore *c, struct ev_loop *loop)
{
	memset(c, 0, sizeof(*c));
	c->loop = loop;
	ev_async_init(&c->done, done_ready);
	c->done.data = c;
}

static void *
chore_main(void *arg)
{
	struct chore *c = arg;

	c->result = c->run(c->arg);
	ev_async_send(c->loop, &c->done);
	return NULL;
}

int
chore_start(struct chore *c, int (*run)(void *arg),
    void (*finished)(void *arg, int result), void *arg)
{
	sigset_t all, old;
	int error;

	c->run = run;
	c->finished = finished;
	c->arg = arg;
	ev_async_start(c->loop, &c->done);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&c->thread, NULL, chore_main, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	c->busy = error == 0;
	if (c->busy)
		return 0;
	ev_async_stop(c->loop, &c->done);
	errno = error;
	return -1;
}

void
chore_stop(struct chore *c)
{
	if (!c->busy)
		return;
	pthread_join(c->thread, NULL);
	ev_async_stop(c->loop, &c->done);
	c->busy = false;
}
