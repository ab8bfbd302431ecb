#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "redis.h"
#include "server.h"

static void
run(const struct redis *r)
{
	char port[8];
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(null, STDOUT_FILENO);
	snprintf(port, sizeof(port), "%u", r->port);
	execlp("redis-server", "redis-server", "--bind", "127.0.0.1", "--port",
	    port, "--save", "", "--appendonly", "no", NULL);
	err(EX_UNAVAILABLE, "redis-server");
}

void
redis_start(struct redis *r)
{
	r->port = server_free_port();
	snprintf(r->url, sizeof(r->url), "redis://127.0.0.1:%u", r->port);
	fflush(NULL);
	if ((r->pid = fork()) == -1)
		err(EX_OSERR, "fork");
	if (r->pid == 0)
		run(r);
	server_await(r->port, "redis-server");
}

void
redis_stop(struct redis *r)
{
	kill(r->pid, SIGTERM);
	waitpid(r->pid, NULL, 0);
	memset(r, 0, sizeof(*r));
}

/* The calls of one command, as INFO commandstats has them. */
static uint64_t
calls(const char *info, const char *command)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "cmdstat_%s:calls=", command);
	if ((at = strstr(info, key)) == NULL)
		return 0;
	return strtoull(at + strlen(key), NULL, 10);
}

uint64_t
redis_commands(const struct redis *r)
{
	static const char *const sent[] = { "eval", "evalsha", "subscribe",
		"unsubscribe", "script|load", "ping" };
	redisContext *c = redisConnect("127.0.0.1", r->port);
	redisReply *reply;
	uint64_t n = 0;

	if (c == NULL || c->err != 0 ||
	    (reply = redisCommand(c, "INFO commandstats")) == NULL ||
	    reply->type != REDIS_REPLY_STRING)
		errx(EX_UNAVAILABLE, "Redis does not tell what it did");
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
		n += calls(reply->str, sent[i]);
	freeReplyObject(reply);
	redisFree(c);
	return n;
}
