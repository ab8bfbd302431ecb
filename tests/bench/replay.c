/*
 * Replay: one client asks for the last events of one channel, of which there
 * are 1, 1,000 or 100,000, all others with one event each.  Told is how long that
 * takes, and the CPU time of sse-serve and of Redis, where the server has just
 * been started and reads the log in Redis; where it has read it before; and
 * where it has no Redis.  What they cost beside one channel is the last column.
 * The client checks that each event comes once and in order.  The numbers of
 * channels take turns; medians of the rounds.
 *
 * usage: replay [-d directory] [-e events] [-n rounds]
 */
#include <sys/socket.h>
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "kit/figures.h"
#include "kit/number.h"
#include "kit/redis.h"
#include "kit/server.h"
#include "kit/stamp.h"

#define SIZE 100 /* bytes of an event's data */
#define AGAIN 20 /* replays in a row, where that can be */

static const unsigned int channels[] = { 1, 1000, 100000 };
#define WORLDS (sizeof(channels) / sizeof(channels[0]))

enum way { WAY_REDIS, WAY_KNOWN, WAY_ALONE, WAYS };

static const char *const ways[WAYS] = {
	[WAY_REDIS] = "from Redis, at a server just started",
	[WAY_KNOWN] = "from Redis, at one that has read it before",
	[WAY_ALONE] = "from memory, at a server without Redis",
};

/* So many channels, in a Redis and in a server of their own. */
struct world {
	struct redis redis;
	struct server alone;
	struct {
		struct figure ms, cpu_us, redis_us;
	} of[WAYS];
};

struct conf {
	unsigned int events, rounds;
	char history[16];
};

static void
put_event(FILE *f, unsigned int channel, uint32_t number)
{
	char data[SIZE + 1] = "";

	stamp_write(data, SIZE, number, stamp_now_ns());
	fprintf(f, "channel: c%u\ndata: %s\n\n", channel, data);
}

/* Half of the others, the one that is read, the other half. */
static void
put_all(FILE *f, unsigned int n, unsigned int events)
{
	for (unsigned int i = 1; i < n / 2; i++)
		put_event(f, i, 0);
	for (unsigned int i = 0; i < events; i++)
		put_event(f, 0, i);
	for (unsigned int i = n / 2 > 0 ? n / 2 : 1; i < n; i++)
		put_event(f, i, 0);
	if (fflush(f) == EOF)
		err(EX_IOERR, "events");
}

static void
fill_redis(const struct redis *r, unsigned int n, const struct conf *conf)
{
	const char *build = getenv("BUILD");
	char command[4096];
	FILE *f;

	snprintf(command, sizeof(command), "%s/sse-pub -n %s -f sse -r %s",
	    build == NULL ? "build" : build, conf->history, r->url);
	if ((f = popen(command, "w")) == NULL)
		err(EX_OSERR, "sse-pub");
	put_all(f, n, conf->events);
	if (pclose(f) != 0)
		errx(EX_SOFTWARE, "sse-pub failed");
}

static int
ask(const struct server *s, unsigned int channel, unsigned int events)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(s->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n;
	char head[128];

	n = snprintf(head, sizeof(head),
	    "GET /events/c%u?last=%u HTTP/1.1\r\nHost: x\r\n\r\n", channel,
	    events);
	if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1 ||
	    write(fd, head, (size_t)n) != n)
		err(EX_UNAVAILABLE, "connect");
	return fd;
}

/* Read until all have come, and see that they are those. */
static void
replay(const struct server *s, unsigned int channel, unsigned int events)
{
	static char buf[65536];
	size_t len = 0;
	uint32_t next = 0, number;
	uint64_t at_ns;
	int fd = ask(s, channel, events);

	while (next < events) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - len);
		char *p = buf, *end;

		if (n <= 0)
			err(EX_PROTOCOL, "the stream has ended");
		len += (size_t)n;
		for (; (end = memchr(p, '\n', len - (size_t)(p - buf))) != NULL;
		     p = end + 1) {
			if (strncmp(p, "data: ", 6) != 0)
				continue;
			if (stamp_read(p + 6, &number, &at_ns) == -1 ||
			    number != next++)
				errx(EX_PROTOCOL, "event %u is %.20s", next,
				    p + 6);
		}
		len -= (size_t)(p - buf);
		memmove(buf, p, len);
	}
	close(fd);
}

static uint64_t
redis_cpu_ns(const struct redis *r)
{
	return server_cpu_ns(&(struct server){ .pid = r->pid });
}

static void
measure(struct world *w, enum way way, const struct server *s,
    const struct conf *conf)
{
	uint64_t cpu = server_cpu_ns(s), redis = redis_cpu_ns(&w->redis);
	uint64_t start = stamp_now_ns();
	unsigned int times = way == WAY_REDIS ? 1 : AGAIN;

	for (unsigned int i = 0; i < times; i++)
		replay(s, 0, conf->events);
	figure_add(
	    &w->of[way].ms, (double)(stamp_now_ns() - start) / 1e6 / times);
	figure_add(
	    &w->of[way].cpu_us, (double)(server_cpu_ns(s) - cpu) / 1e3 / times);
	figure_add(&w->of[way].redis_us,
	    (double)(redis_cpu_ns(&w->redis) - redis) / 1e3 / times);
}

static void
run_round(struct world *w, const struct conf *conf)
{
	const char *options[] = { "-r", w->redis.url, "-n", conf->history,
		NULL };
	struct server s;

	server_sse(&s, options);
	measure(w, WAY_REDIS, &s, conf);
	measure(w, WAY_KNOWN, &s, conf);
	server_stop(&s);
	measure(w, WAY_ALONE, &w->alone, conf);
}

static void
world_open(struct world *w, unsigned int n, const struct conf *conf)
{
	const char *options[] = { "-f", "sse", "-n", conf->history,
		"--history-bytes", "1g", NULL };
	FILE *f;

	redis_start(&w->redis);
	fill_redis(&w->redis, n, conf);
	server_sse(&w->alone, options);
	if ((f = fdopen(dup(w->alone.feed), "w")) == NULL)
		err(EX_OSERR, NULL);
	put_all(f, n, conf->events);
	fclose(f);
	/* Until it has read all. */
	replay(&w->alone, 0, conf->events);
	if (n > 1)
		replay(&w->alone, n - 1, 1);
}

static void
world_close(struct world *w)
{
	server_stop(&w->alone);
	redis_stop(&w->redis);
}

static void
report(const struct world *worlds, const struct conf *conf)
{
	for (enum way way = 0; way < WAYS; way++) {
		printf("  %s:\n", ways[way]);
		for (size_t i = 0; i < WORLDS; i++) {
			const struct world *w = &worlds[i];

			printf("    %6u channels  %6.2f ms  CPU %6.0f us, of "
			       "Redis %6.0f us",
			    channels[i], figure_median(&w->of[way].ms),
			    figure_median(&w->of[way].cpu_us),
			    figure_median(&w->of[way].redis_us));
			printf("  %5.2f of one channel's time, %5.2f of its "
			       "CPU\n",
			    figure_ratio(&w->of[way].ms, &worlds[0].of[way].ms),
			    figure_ratio(
				&w->of[way].cpu_us, &worlds[0].of[way].cpu_us));
		}
	}
	printf("  an event is %d bytes of data; medians of %u rounds\n", SIZE,
	    conf->rounds);
}

int
main(int argc, char **argv)
{
	static struct world worlds[WORLDS];
	struct conf conf = { .events = 1000, .rounds = 15 };
	int ch;

	while ((ch = getopt(argc, argv, "d:e:n:")) != -1) {
		switch (ch) {
		case 'd':
			break; /* nothing is written */
		case 'e':
			conf.events = (unsigned int)number_count(
			    optarg, NUMBER_MAX);
			break;
		case 'n':
			conf.rounds = (unsigned int)number_count(
			    optarg, ROUNDS_MAX);
			break;
		default:
			return EX_USAGE;
		}
	}
	snprintf(conf.history, sizeof(conf.history), "%u", conf.events);
	printf("replay of the last %u events of one channel of many\n",
	    conf.events);
	for (size_t i = 0; i < WORLDS; i++)
		world_open(&worlds[i], channels[i], &conf);
	for (unsigned int round = 0; round < conf.rounds; round++)
		for (size_t i = 0; i < WORLDS; i++)
			run_round(&worlds[i], &conf);
	report(worlds, &conf);
	for (size_t i = 0; i < WORLDS; i++)
		world_close(&worlds[i]);
	return 0;
}
