/*
 * A redis-server of a test's own: in a fresh directory, on a Unix socket, ended
 * by its pid.  Included by the tests that need one, once each.
 */
#ifndef OWN_REDIS_H
#define OWN_REDIS_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "redis_url.h"
#include "units.h"

#define OWN_REDIS_WAIT_MS 10000

struct own_redis {
	char dir[32];
	char path[48]; /* its socket */
	char url[64];
	pid_t pid;
	const char *appendonly; /* "yes": with appendfsync always */
	struct redis_url u;
};

/* Connected, or NULL when it is not there yet or still loading. */
static inline redisContext *
own_redis_try(const struct own_redis *o)
{
	redisContext *c = redisConnectUnix(o->path);
	redisReply *r = c == NULL || c->err ? NULL : redisCommand(c, "PING");
	bool pong = r != NULL && r->type == REDIS_REPLY_STATUS;

	freeReplyObject(r);
	if (pong)
		return c;
	if (c != NULL)
		redisFree(c);
	return NULL;
}

static inline redisContext *
own_redis_connect(const struct own_redis *o)
{
	int64_t until = clock_mono_ms() + OWN_REDIS_WAIT_MS;
	redisContext *c;

	while ((c = own_redis_try(o)) == NULL) {
		if (clock_mono_ms() > until) {
			fprintf(stderr, "redis-server does not start\n");
			exit(1);
		}
		poll(NULL, 0, 5);
	}
	return c;
}

/*
 * What it was writing when it was killed is cut off as a whole.  Redis would
 * leave the beginning of a transaction in the file and write behind it.
 */
static inline void
own_redis_mend(const struct own_redis *o)
{
	char manifest[96], command[256];

	snprintf(manifest, sizeof(manifest),
	    "%s/appendonlydir/appendonly.aof.manifest", o->dir);
	snprintf(command, sizeof(command),
	    "echo y | redis-check-aof --fix %s >/dev/null", manifest);
	if (access(manifest, F_OK) == 0 && system(command) != 0) {
		fprintf(stderr, "%s cannot be mended\n", manifest);
		exit(1);
	}
}

/*
 * Start it, the first time or again, and wait until it answers.  To be called
 * by the main thread: it dies with the thread that started it.
 */
static inline void
own_redis_run(struct own_redis *o)
{
	int null;

	own_redis_mend(o);
	if ((o->pid = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		null = open("/dev/null", O_RDWR);
		dup2(null, STDOUT_FILENO);
		execlp("redis-server", "redis-server", "--port", "0",
		    "--unixsocket", o->path, "--dir", o->dir, "--save", "",
		    "--appendonly", o->appendonly, "--appendfsync", "always",
		    "--enable-debug-command", "yes", (char *)NULL);
		_exit(127);
	}
	redisFree(own_redis_connect(o));
}

static inline void
own_redis_kill(struct own_redis *o, int sig)
{
	if (o->pid <= 0)
		return;
	kill(o->pid, sig);
	waitpid(o->pid, NULL, 0);
	o->pid = 0;
}

static inline void
own_redis_start(struct own_redis *o, const char *appendonly)
{
	const char *fault;

	memset(o, 0, sizeof(*o));
	o->appendonly = appendonly;
	strlcpy(o->dir, "/tmp/sse-unit.XXXXXX", sizeof(o->dir));
	if (mkdtemp(o->dir) == NULL)
		exit(1);
	snprintf(o->path, sizeof(o->path), "%s/redis.sock", o->dir);
	snprintf(o->url, sizeof(o->url), "redis+unix://%s", o->path);
	if (redis_url_parse(&o->u, o->url, NULL, NULL, &fault) == -1)
		exit(1);
	own_redis_run(o);
}

static inline void
own_redis_end(struct own_redis *o)
{
	char command[64];

	own_redis_kill(o, SIGKILL);
	redis_url_free(&o->u);
	snprintf(command, sizeof(command), "rm -rf %s", o->dir);
	if (system(command) != 0)
		fprintf(stderr, "%s is left\n", o->dir);
}

/* One command, as redis-cli; its answer is the caller's. */
static inline redisReply *__attribute__((format(printf, 2, 3)))
own_redis_do(const struct own_redis *o, const char *fmt, ...)
{
	redisContext *c = own_redis_connect(o);
	redisReply *r;
	va_list ap;

	va_start(ap, fmt);
	r = redisvCommand(c, fmt, ap);
	va_end(ap);
	redisFree(c);
	return r;
}

/* The same, which has to succeed. */
static inline void __attribute__((format(printf, 2, 3)))
own_redis_tell(const struct own_redis *o, const char *fmt, ...)
{
	redisContext *c = own_redis_connect(o);
	redisReply *r;
	va_list ap;

	va_start(ap, fmt);
	r = redisvCommand(c, fmt, ap);
	va_end(ap);
	if (r == NULL || r->type == REDIS_REPLY_ERROR) {
		fprintf(
		    stderr, "%s: %s\n", fmt, r != NULL ? r->str : c->errstr);
		abort();
	}
	freeReplyObject(r);
	redisFree(c);
}

#endif
