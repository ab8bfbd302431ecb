#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "hub.h"
#include "listener.h"
#include "options.h"
#include "source_redis.h"
#include "stdout.h"
#include "visible.h"
#include "worker.h"

/* The listeners, the hub and its workers: all that there is. */
struct server {
	struct listeners listeners;
	struct hub hub;
	struct tally tally;
	struct worker *workers[64];
	unsigned int nworkers;
};

static void
open_listeners(struct server *s, const struct options *o)
{
	char fault[LISTENER_FAULT_MAX];
	const char *why;

	for (size_t i = 0; i < o->nlistens; i++) {
		struct listener_addr a;
		int status;

		if (listener_parse(&a, o->listens[i].text, &why) == -1)
			errx(EX_USAGE, "listen address %s: %s",
			    o->listens[i].text, why);
		status = listener_open(&s->listeners, &a, o->listens[i].admin,
		    o->socket_mode, fault);
		if (status != 0) {
			listener_close(&s->listeners);
			errx(status, "%s", fault);
		}
	}
}

/* Whoever finds the file finds all of it: it is renamed into place. */
static void
write_ready_file(const struct server *s, const char *path)
{
	char *temporary;
	FILE *f;

	if (path == NULL)
		return;
	if (asprintf(&temporary, "%s.%ld", path, (long)getpid()) == -1)
		err(EX_SOFTWARE, "ready file");
	if ((f = fopen(temporary, "we")) == NULL)
		err(EX_CANTCREAT, "ready file %s", path);
	for (size_t i = 0; i < s->listeners.n; i++)
		fprintf(f, "%s\n", s->listeners.v[i].url);
	if (fclose(f) == EOF || rename(temporary, path) == -1) {
		(void)unlink(temporary);
		err(EX_CANTCREAT, "ready file %s", path);
	}
	free(temporary);
}

static void
announce(const struct server *s, const struct conf *conf)
{
	if (conf->verbose < 0)
		return;
	for (size_t i = 0; i < s->listeners.n; i++)
		warnx("listening on %s%s", s->listeners.v[i].url,
		    s->listeners.v[i].admin ? " (administration)" : "");
}

static void
build(struct server *s, const struct options *o)
{
	const struct conf *conf = &o->conf;
	int status = EX_SOFTWARE;

	if (hub_open(&s->hub, conf) == -1)
		err(EX_SOFTWARE, "event loop");
	if (conf->use_redis &&
	    (s->hub.redis = source_redis_new(&s->hub, &status)) == NULL) {
		listener_close(&s->listeners);
		exit(status);
	}
	for (; s->nworkers < conf->workers; s->nworkers++) {
		struct worker *w = worker_new(conf, s->nworkers, &s->listeners,
		    &s->hub.box, &s->tally, s->hub.birth);

		if (w == NULL || hub_add(&s->hub, w, &w->box) == -1)
			err(EX_SOFTWARE, "worker");
		s->workers[s->nworkers] = w;
	}
}

static void
run(struct server *s, int *status)
{
	for (unsigned int i = 0; i < s->nworkers; i++)
		if (worker_start(s->workers[i]) == -1)
			err(EX_SOFTWARE, "thread");
	*status = hub_run(&s->hub);
	for (unsigned int i = 0; i < s->nworkers; i++)
		worker_join(s->workers[i]);
}

static void
tear_down(struct server *s)
{
	for (unsigned int i = 0; i < s->nworkers; i++)
		worker_free(s->workers[i]);
	hub_close(&s->hub);
	listener_close(&s->listeners);
}

int
main(int argc, char **argv)
{
	static struct server server;
	struct options options;
	int status;

	stdout_open();
	visible_locale();
	options_parse(&options, argc, argv);
	(void)umask(077);
	open_listeners(&server, &options);
	build(&server, &options);
	write_ready_file(&server, options.ready_file);
	announce(&server, &options.conf);
	run(&server, &status);
	if (options.ready_file != NULL)
		(void)unlink(options.ready_file);
	tear_down(&server);
	options_clear(&options);
	return status;
}
