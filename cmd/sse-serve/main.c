#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "access_log.h"
#include "activation.h"
#include "admission.h"
#include "hub.h"
#include "journal.h"
#include "listener.h"
#include "notify.h"
#include "options.h"
#include "source_capture.h"
#include "source_redis.h"
#include "stdout.h"
#include "tuning.h"
#include "visible.h"
#include "worker.h"

/* The listeners, the hub and its workers: all that there is. */
struct server {
	struct listeners listeners;
	struct hub hub;
	struct tally tally;
	struct access_log access_log;
	struct worker *workers[64];
	unsigned int nworkers;
	const char *ready_file; /* NULL: none */
};

static void
open_listeners(struct server *s, struct options *o)
{
	struct listener_how how = { .mode = o->socket_mode };
	char fault[LISTENER_FAULT_MAX];
	int status = activation_take(&s->listeners, fault);
	const char *why;

	if (status != 0)
		errx(status, "%s", fault);
	for (size_t i = 0; i < o->nlistens; i++) {
		struct listener_addr a;

		/* What was passed stands for the one that goes unsaid. */
		if (o->listens[i].implied && s->listeners.n > 0)
			continue;
		if (listener_addr_parse(&a, o->listens[i].text, &why) == -1)
			errx(EX_USAGE, "listen address %s: %s",
			    o->listens[i].text, why);
		how.admin = o->listens[i].admin;
		how.share_port = o->share_port && !how.admin;
		status = listener_open(&s->listeners, &a, &how, fault);
		if (status != 0) {
			listener_close(&s->listeners);
			errx(status, "%s", fault);
		}
	}
	for (size_t i = 0; i < s->listeners.n; i++) {
		if (!s->listeners.v[i].is_unix)
			tuning_listen(s->listeners.v[i].fd, &o->conf);
		if (s->listeners.v[i].admin)
			o->conf.looked_at = true;
	}
}

static void
open_access_log(struct server *s, struct options *o)
{
	if (!o->access_log)
		return;
	o->conf.looked_at = true;
	if (access_log_open(&s->access_log, o->access_path, o->access_format) ==
	    -1)
		err(EX_CANTCREAT, "access log %s", o->access_path);
}

/* Whoever finds the file finds all of it: it is renamed into place. */
static int
write_ready_file(const struct server *s, const char *path)
{
	char *temporary;
	FILE *f;
	int r;

	if (path == NULL)
		return 0;
	if (asprintf(&temporary, "%s.%ld", path, (long)getpid()) == -1)
		return -1;
	if ((f = fopen(temporary, "we")) == NULL) {
		free(temporary);
		return -1;
	}
	for (size_t i = 0; i < s->listeners.n; i++)
		fprintf(f, "%s\n", s->listeners.v[i].url);
	r = fclose(f) == EOF ? -1 : rename(temporary, path);
	if (r == -1)
		(void)unlink(temporary);
	free(temporary);
	return r;
}

/* All that was announced can be had: also what needs Redis. */
static void
ready(void *arg)
{
	struct server *s = arg;

	if (write_ready_file(s, s->ready_file) == -1) {
		warn("ready file %s", s->ready_file);
		shutdown_fail(&s->hub, EX_CANTCREAT);
	} else
		notify_send("READY=1");
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
	if (tally_open(&s->tally, conf) == -1)
		err(EX_SOFTWARE, "tally");
	if (o->access_log) {
		s->tally.access_log = &s->access_log;
		s->hub.access_log = &s->access_log;
	}
	if (conf->use_redis &&
	    (s->hub.redis = source_redis_new(&s->hub, &status)) == NULL) {
		listener_close(&s->listeners);
		exit(status);
	}
	if (conf->journal != NULL &&
	    (s->hub.journal = journal_new(&s->hub, &status)) == NULL) {
		listener_close(&s->listeners);
		exit(status);
	}
	if (conf->replay != NULL &&
	    (s->hub.input = source_capture_new(&s->hub, &status)) == NULL) {
		listener_close(&s->listeners);
		exit(status);
	}
	for (; s->nworkers < conf->workers; s->nworkers++) {
		struct worker *w = worker_new(
		    conf, s->nworkers, &s->listeners, &s->hub, &s->tally);

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
	tally_close(&s->tally);
	if (s->hub.access_log != NULL)
		access_log_close(&s->access_log);
	hub_close(&s->hub);
	listener_close(&s->listeners);
}

int
main(int argc, char **argv)
{
	static struct server server;
	struct options options;
	int status, signum;

	stdout_open();
	visible_locale();
	options_parse(&options, argc, argv);
	(void)umask(077);
	open_access_log(&server, &options);
	open_listeners(&server, &options);
	build(&server, &options);
	announce(&server, &options.conf);
	server.ready_file = options.ready_file;
	server.hub.ready = ready;
	server.hub.ready_arg = &server;
	run(&server, &status);
	if (options.ready_file != NULL)
		(void)unlink(options.ready_file);
	signum = server.hub.service.signum;
	tear_down(&server);
	options_clear(&options);
	if (signum != 0) {
		(void)signal(signum, SIG_DFL);
		(void)raise(signum);
	}
	return status;
}
