/*
 * More connections than one process has descriptors for: sse-serve processes
 * that share a port and a Redis hold them idle, and one event, published once,
 * reaches all.  tests/bench/million has the settings for a million of them.
 *
 * usage: many [-d directory] [-s connections]
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "kit/load.h"
#include "kit/number.h"
#include "kit/redis.h"
#include "kit/server.h"
#include "kit/stamp.h"

#define SERVERS_MAX 200
#define SPREAD \
	0.85 /* of its descriptors: the kernel spreads not quite evenly */

struct fleet {
	struct redis redis;
	struct server servers[SERVERS_MAX];
	unsigned int n;
	char port[32];
};

static void
fleet_open(struct fleet *f, unsigned int n)
{
	uint16_t port = server_free_port();
	const char *options[] = { "-w", "1", "-r", f->redis.url, "--share-port",
		NULL };

	f->n = n;
	for (unsigned int i = 0; i < n; i++)
		server_sse_on(&f->servers[i], port, options);
}

static uint64_t
fleet_memory(const struct fleet *f)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < f->n; i++)
		sum += server_rss(&f->servers[i]);
	return sum;
}

/* What the kernel keeps of small things, sockets and files among them. */
static uint64_t
kernel_memory(void)
{
	uint64_t kib;

	(void)number_in("/proc/meminfo", "Slab:", &kib);
	return kib << 10;
}

static void
measure(struct fleet *f, unsigned int n)
{
	uint64_t kernel = kernel_memory(), start = stamp_now_ns();
	uint64_t before = fleet_memory(f);
	static struct latency l;
	struct load load;

	load_start(&load,
	    &(struct load_wish){ .port = f->servers[0].port,
		.path = f->servers[0].path,
		.n = n });
	printf("  %u connections in %.1f s, %u servers: %.0f bytes each, and "
	       "%.0f of the kernel's for both sides\n",
	    n, (double)(stamp_now_ns() - start) / 1e9, f->n,
	    (double)(fleet_memory(f) - before) / n,
	    (double)(kernel_memory() - kernel) / n);
	fflush(stdout);
	/* Any one of them takes it; the others have it from Redis. */
	server_publish(&f->servers[0], 100);
	if (!load_await(&load, n, 60) || load_faults(&load) > 0)
		errx(EX_SOFTWARE, "%ju of %u have the event",
		    (uintmax_t)load_delivered(&load), n);
	load_latency(&load, &l);
	printf("  one event reached all: p50 %.0f ms, last %.0f ms\n",
	    (double)latency_at(&l, .5) / 1e6, (double)l.max_ns / 1e6);
	load_stop(&load);
}

int
main(int argc, char **argv)
{
	static struct fleet f;
	struct rlimit rl;
	unsigned int n = 200000, each;
	int ch;

	while ((ch = getopt(argc, argv, "d:s:")) != -1) {
		switch (ch) {
		case 'd':
			break; /* nothing is written */
		case 's':
			n = (unsigned int)number_count(optarg, NUMBER_MAX);
			break;
		default:
			return EX_USAGE;
		}
	}
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(EX_OSERR, "descriptors");
	each = (unsigned int)((double)rl.rlim_max * SPREAD);
	printf("idle connections to sse-serve processes that share a port and "
	       "a Redis\n");
	redis_start(&f.redis);
	fleet_open(&f, (n + each - 1) / each);
	measure(&f, n);
	for (unsigned int i = 0; i < f.n; i++)
		server_stop(&f.servers[i]);
	redis_stop(&f.redis);
	return 0;
}
