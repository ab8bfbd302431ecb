#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lookup.h"
#include "units.h"

/*
 * It may outlive whoever asked, for nothing ends a resolver: who is last frees
 * it.  The lock is over link and over finished.
 */
struct job {
	pthread_mutex_t lock;
	struct redis_url url; /* a copy of what is needed */
	int64_t deadline_ms;
	struct found found;
	struct lookup *lookup; /* NULL: abandoned */
	bool finished;
};

struct lookup {
	struct ev_loop *loop;
	ev_async wake;
	struct job *job;
	void (*done)(void *arg, const struct found *found);
	void *arg;
};

static void
job_free(struct job *j)
{
	redis_url_free(&j->url);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

static int
copy(char **to, const char *from)
{
	return from != NULL && (*to = strdup(from)) == NULL ? -1 : 0;
}

static int
copy_url(struct redis_url *to, const struct redis_url *from)
{
	to->port = from->port;
	if (copy(&to->host, from->host) == -1 ||
	    copy(&to->master, from->master) == -1 ||
	    copy(&to->password, from->password) == -1)
		return -1;
	if (from->nsentinels == 0)
		return 0;
	to->sentinels = calloc(from->nsentinels, sizeof(*to->sentinels));
	if (to->sentinels == NULL)
		return -1;
	for (; to->nsentinels < from->nsentinels; to->nsentinels++) {
		size_t i = to->nsentinels;

		to->sentinels[i].port = from->sentinels[i].port;
		if (copy(&to->sentinels[i].name, from->sentinels[i].name) == -1)
			return -1;
	}
	return 0;
}

static void
add_address(struct found *f, const struct addrinfo *ai, int port)
{
	struct redis_where *w = &f->at[f->n];

	if (f->n == LOOKUP_MAX ||
	    getnameinfo(ai->ai_addr, ai->ai_addrlen, w->host, sizeof(w->host),
		NULL, 0, NI_NUMERICHOST) != 0)
		return;
	w->port = port;
	f->n++;
}

static void
resolve(struct found *f, const char *host, int port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *ai;
	int error = getaddrinfo(host, NULL, &hints, &list);

	f->n = 0;
	if (error != 0) {
		snprintf(f->fault, sizeof(f->fault), "%s: %s", host,
		    gai_strerror(error));
		return;
	}
	for (ai = list; ai != NULL; ai = ai->ai_next)
		add_address(f, ai, port);
	freeaddrinfo(list);
}

static void
find(struct job *j)
{
	struct redis_where master;

	if (j->url.master == NULL)
		resolve(&j->found, j->url.host, j->url.port);
	else if (redis_sentinel_ask(
		     &j->url, j->deadline_ms, &master, j->found.fault) == 0)
		resolve(&j->found, master.host, master.port);
}

static void *
job_main(void *arg)
{
	struct job *j = arg;
	bool abandoned;

	find(j);
	pthread_mutex_lock(&j->lock);
	j->finished = true;
	if (!(abandoned = j->lookup == NULL))
		ev_async_send(j->lookup->loop, &j->lookup->wake);
	pthread_mutex_unlock(&j->lock);
	if (abandoned)
		job_free(j);
	return NULL;
}

static void
lookup_free(struct lookup *l)
{
	ev_async_stop(l->loop, &l->wake);
	free(l);
}

static void
woken(struct ev_loop *loop, ev_async *w, int revents)
{
	struct lookup *l = w->data;
	struct job *j = l->job;

	(void)loop;
	(void)revents;
	pthread_mutex_lock(&j->lock); /* the thread is done with it */
	pthread_mutex_unlock(&j->lock);
	l->done(l->arg, &j->found);
	job_free(j);
	lookup_free(l);
}

static struct job *
job_new(const struct redis_url *u, int64_t timeout_ms)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	j->deadline_ms = clock_mono_ms() + timeout_ms;
	pthread_mutex_init(&j->lock, NULL);
	if (copy_url(&j->url, u) == -1) {
		job_free(j);
		return NULL;
	}
	return j;
}

/* A thread that nobody awaits; signals are the hub's. */
static int
start(struct job *j)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&thread, &attr, job_main, j);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	errno = error;
	return error == 0 ? 0 : -1;
}

struct lookup *
lookup_new(struct ev_loop *loop, const struct redis_url *u, int64_t timeout_ms,
    void (*done)(void *arg, const struct found *found), void *arg)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (l == NULL || (l->job = job_new(u, timeout_ms)) == NULL) {
		free(l);
		return NULL;
	}
	l->loop = loop;
	l->done = done;
	l->arg = arg;
	l->job->lookup = l;
	ev_async_init(&l->wake, woken);
	l->wake.data = l;
	ev_async_start(loop, &l->wake);
	if (start(l->job) == -1) {
		job_free(l->job);
		lookup_free(l);
		return NULL;
	}
	return l;
}

void
lookup_abandon(struct lookup *l)
{
	struct job *j;
	bool finished;

	if (l == NULL)
		return;
	j = l->job;
	pthread_mutex_lock(&j->lock);
	j->lookup = NULL;
	finished = j->finished;
	pthread_mutex_unlock(&j->lock);
	if (finished)
		job_free(j);
	lookup_free(l);
}
