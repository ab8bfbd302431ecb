/*
 * Through Redis: sse-pub publishes there and sse-serve delivers, beside nchan
 * with the same Redis behind it, and beside sse-serve without one.  Flat out
 * the publisher stays at most a window ahead of the slowest, so that nobody
 * has a gap; all take turns in one run.
 *
 * usage: redis [-d directory] [-n rounds] [-s subscribers] [-t seconds]
 * nginx writes to the directory.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "kit/figures.h"
#include "kit/load.h"
#include "kit/number.h"
#include "kit/redis.h"
#include "kit/server.h"
#include "kit/stamp.h"
#include "kit/terms.h"

#define PEERS_MAX 3
#define RATE 100
#define SIZE 100
#define WINDOW 2000u /* events */
#define BURST 100u

struct peer {
	const char *name;
	struct server server;
	struct load load;
	struct latency latency;
	struct figure rate, cpu_us;
};

static void
check(const struct peer *p, bool came)
{
	if (!came || load_faults(&p->load) > 0)
		errx(EX_SOFTWARE, "%s: %ju deliveries, %ju faults", p->name,
		    (uintmax_t)load_delivered(&p->load),
		    (uintmax_t)load_faults(&p->load));
}

static int
open_peers(struct peer *peers, const struct redis *r, const struct terms *terms)
{
	const char *with[] = { "-w", "1", "-n", "10000", "-r", r->url, NULL };
	static const char *const without[] = { "-w", "1", "-n", "10000",
		"--lag", "wait", NULL };
	unsigned int count = (unsigned int)number_count(
	    terms->subscribers, NUMBER_MAX);
	char more[256];
	int n = 2;

	snprintf(more, sizeof(more), "nchan_redis_url %s; nchan_use_redis on;",
	    r->url);
	peers[0].name = "sse-pub, Redis, sse-serve";
	server_sse_redis(&peers[0].server, r->url, with);
	peers[1].name = "a pipe into sse-serve";
	server_sse(&peers[1].server, without);
	if (server_nchan(&peers[2].server, terms->dir, more)) {
		peers[2].name = "nchan, Redis";
		n = 3;
	}
	for (int i = 0; i < n; i++) {
		load_start(&peers[i].load,
		    &(struct load_wish){ .port = peers[i].server.port,
			.path = peers[i].server.path,
			.n = count });
		server_publish(&peers[i].server, SIZE);
		check(&peers[i], load_await(&peers[i].load, count, 30));
	}
	return n;
}

static void
pace(struct peer *p, double seconds)
{
	uint64_t due = load_delivered(&p->load);
	uint32_t n;
	struct latency l;

	load_latency(&p->load, &l);
	n = server_pace(&p->server, SIZE, RATE, seconds);
	check(p, load_await(&p->load, due + (uint64_t)n * p->load.n, 60));
	load_latency(&p->load, &l);
	latency_merge(&p->latency, &l);
}

static void
flood(struct peer *p, double seconds)
{
	uint64_t first = load_delivered(&p->load), n = 0;
	uint64_t start = stamp_now_ns(), cpu = server_cpu_ns(&p->server);
	uint64_t end = start + (uint64_t)(seconds * 1e9);

	while (stamp_now_ns() < end) {
		for (unsigned int i = 0; i < BURST; i++)
			server_publish(&p->server, SIZE);
		n += BURST;
		if (n > WINDOW)
			check(p,
			    load_await(&p->load,
				first + (n - WINDOW) * p->load.n, 60));
	}
	check(p, load_await(&p->load, first + n * p->load.n, 60));
	end = load_last_ns(&p->load);
	cpu = server_cpu_ns(&p->server) - cpu;
	n *= p->load.n;
	figure_add(&p->rate, (double)n / ((double)(end - start) / 1e9));
	figure_add(&p->cpu_us, (double)cpu / 1e3 / (double)n);
}

static void
tell(const struct peer *peers, int n)
{
	printf("  %-26s %9s %9s %14s %12s %7s\n", "", "p50 ms", "p99 ms",
	    "deliveries/s", "CPU/delivery", "spread");
	for (int i = 0; i < n; i++)
		printf("  %-26s %9.2f %9.2f %14.0f %9.2f us %6.0f%%\n",
		    peers[i].name,
		    (double)latency_at(&peers[i].latency, .5) / 1e6,
		    (double)latency_at(&peers[i].latency, .99) / 1e6,
		    figure_median(&peers[i].rate),
		    figure_median(&peers[i].cpu_us),
		    figure_spread(&peers[i].rate));
	if (n == 3)
		printf(
		    "  through Redis %.1f x nchan's deliveries/s, p99 %.2f x\n",
		    figure_ratio(&peers[0].rate, &peers[2].rate),
		    (double)latency_at(&peers[0].latency, .99) /
			(double)latency_at(&peers[2].latency, .99));
}

int
main(int argc, char **argv)
{
	static struct peer peers[PEERS_MAX];
	struct terms terms = { ".", 5, "1000", 1. };
	struct redis redis;
	int n;

	terms_read(&terms, "dnst", argc, argv);
	printf("%d rounds of %g s each; latencies at %d events/s, rates "
	       "flat out to %s subscribers, %d bytes\n",
	    terms.rounds, terms.seconds, RATE, terms.subscribers, SIZE);
	redis_start(&redis);
	n = open_peers(peers, &redis, &terms);
	for (int round = 0; round < terms.rounds; round++)
		for (int i = 0; i < n; i++) {
			pace(&peers[i], terms.seconds);
			flood(&peers[i], terms.seconds);
		}
	tell(peers, n);
	for (int i = 0; i < n; i++) {
		load_stop(&peers[i].load);
		server_stop(&peers[i].server);
	}
	redis_stop(&redis);
	return 0;
}
