/*
 * Everybody comes back at once: sse-serve is started anew in front of a Redis,
 * and its clients, each so many events behind on one of its channels, connect.
 * Told are the time until all are live again and the commands that Redis was sent.
 * Each client checks that it misses nothing.
 *
 * usage: resume [-b behind] [-c channels] [-d directory] [-s clients]
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "kit/load.h"
#include "kit/number.h"
#include "kit/redis.h"
#include "kit/server.h"
#include "kit/stamp.h"

#define SIZE 100

struct conf {
	unsigned int clients, channels, behind;
};

/* n events to each channel, numbered from 0, by sse-pub. */
static void
publish(const struct redis *r, const struct conf *conf, unsigned int n)
{
	const char *build = getenv("BUILD");
	char command[4096], data[SIZE + 1] = "";
	FILE *f;

	snprintf(command, sizeof(command), "%s/sse-pub -f sse -r %s",
	    build == NULL ? "build" : build, r->url);
	if ((f = popen(command, "w")) == NULL)
		err(EX_OSERR, "sse-pub");
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < conf->channels; j++) {
			stamp_write(data, SIZE, i, stamp_now_ns());
			fprintf(f, "channel: c%u\ndata: %s\n\n", j, data);
		}
	if (pclose(f) != 0)
		errx(EX_SOFTWARE, "sse-pub failed");
}

/* The last place minted, as the line of a head. */
static void
last_place(const struct redis *r, char *line, size_t size)
{
	redisContext *c = redisConnect("127.0.0.1", r->port);
	redisReply *reply;

	if (c == NULL || c->err != 0 ||
	    (reply = redisCommand(c, "GET sse:last")) == NULL ||
	    reply->type != REDIS_REPLY_STRING)
		errx(EX_UNAVAILABLE, "Redis does not tell the last place");
	snprintf(line, size, "Last-Event-ID: %s\r\n", reply->str);
	freeReplyObject(reply);
	redisFree(c);
}

static void
measure(const struct redis *r, const struct conf *conf)
{
	const char *options[] = { "-r", r->url, NULL };
	char line[64];
	struct server s;
	struct load clients;
	uint64_t commands, start, cpu, n;

	publish(r, conf, 1);
	last_place(r, line, sizeof(line));
	publish(r, conf, conf->behind);
	server_sse(&s, options);
	commands = redis_commands(r);
	start = stamp_now_ns();
	cpu = server_cpu_ns(&s);
	load_start(&clients,
	    &(struct load_wish){ .port = s.port,
		.path = "/events/c",
		.channels = conf->channels,
		.more = line,
		.n = conf->clients });
	n = (uint64_t)conf->clients * conf->behind;
	if (!load_await(&clients, n, 60) || load_faults(&clients) > 0)
		errx(EX_SOFTWARE, "%ju of %ju events, %ju faults",
		    (uintmax_t)load_delivered(&clients), (uintmax_t)n,
		    (uintmax_t)load_faults(&clients));
	printf("  all are live after %.2f s, %.0f us of the server's CPU each; "
	       "Redis was sent %ju commands\n",
	    (double)(load_last_ns(&clients) - start) / 1e9,
	    (double)(server_cpu_ns(&s) - cpu) / 1e3 / conf->clients,
	    (uintmax_t)(redis_commands(r) - commands));
	load_stop(&clients);
	server_stop(&s);
}

int
main(int argc, char **argv)
{
	struct conf conf = { 10000, 100, 50 };
	struct redis redis;
	int ch;

	while ((ch = getopt(argc, argv, "b:c:d:s:")) != -1) {
		switch (ch) {
		case 'b':
			conf.behind = (unsigned int)number_count(
			    optarg, NUMBER_MAX);
			break;
		case 'c':
			conf.channels = (unsigned int)number_count(
			    optarg, NUMBER_MAX);
			break;
		case 'd':
			break; /* nothing is written */
		case 's':
			conf.clients = (unsigned int)number_count(
			    optarg, NUMBER_MAX);
			break;
		default:
			return EX_USAGE;
		}
	}
	printf("%u clients come back at once, each %u events behind on one of "
	       "%u channels\n",
	    conf.clients, conf.behind, conf.channels);
	redis_start(&redis);
	measure(&redis, &conf);
	redis_stop(&redis);
	return 0;
}
