/*
 * What a delivery costs: sse-serve, a bare loop of send() over all connections,
 * and nchan, which take turns in one run.  Each has its own subscribers, who
 * check that every event comes once and in order.  The CPU time is the
 * server's alone, as the scheduler counts it; the latency is from before the
 * event is handed to the server until its bytes were read.
 *
 * usage: fanout [-d directory] [-n rounds] [-s subscribers,...] [-t seconds]
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
#include "kit/server.h"
#include "kit/stamp.h"
#include "kit/terms.h"

#define PEERS_MAX 3

struct peer {
	struct server server;
	struct load load;
	struct latency latency; /* of all rounds, paced */
	struct figure cpu_us;   /* a delivery */
	struct figure rate;     /* deliveries a second */
};

struct contest {
	const struct terms *terms;
	struct peer peers[PEERS_MAX];
	int npeers;
	unsigned int subscribers;
	int rate; /* events a second, paced; 0: flat out */
	size_t size;
};

static void
settle(struct peer *p, uint64_t due)
{
	if (!load_await(&p->load, due, 60))
		errx(EX_SOFTWARE, "%s: %ju of %ju deliveries, %ju faults",
		    p->server.name, (uintmax_t)load_delivered(&p->load),
		    (uintmax_t)due, (uintmax_t)load_faults(&p->load));
	if (load_faults(&p->load) > 0)
		errx(EX_SOFTWARE, "%s: %ju events lost, doubled or late",
		    p->server.name, (uintmax_t)load_faults(&p->load));
}

static void
open_peers(struct contest *c, const char *const *options)
{
	c->npeers = 2;
	server_bare(&c->peers[0].server);
	server_sse(&c->peers[1].server, options);
	if (server_nchan(&c->peers[2].server, c->terms->dir, ""))
		c->npeers = 3;
	for (int i = 0; i < c->npeers; i++) {
		struct peer *p = &c->peers[i];
		struct load_wish wish = { .port = p->server.port,
			.path = p->server.path,
			.n = c->subscribers };

		load_start(&p->load, &wish);
		server_publish(&p->server, c->size);
		settle(p, c->subscribers);
	}
}

static void
close_peers(struct contest *c)
{
	for (int i = 0; i < c->npeers; i++) {
		load_stop(&c->peers[i].load);
		server_stop(&c->peers[i].server);
	}
}

/* One peer's turn at so many events a second. */
static void
pace(struct contest *c, struct peer *p)
{
	uint64_t due = load_delivered(&p->load),
		 cpu = server_cpu_ns(&p->server);
	uint32_t n;
	struct latency l;

	load_latency(&p->load, &l);
	n = server_pace(&p->server, c->size, c->rate, c->terms->seconds);
	settle(p, due + (uint64_t)n * c->subscribers);
	cpu = server_cpu_ns(&p->server) - cpu;
	figure_add(&p->cpu_us, (double)cpu / 1e3 / n / c->subscribers);
	load_latency(&p->load, &l);
	latency_merge(&p->latency, &l);
}

static void
flood(struct contest *c, struct peer *p)
{
	uint64_t before = load_delivered(&p->load), all;
	uint64_t cpu = server_cpu_ns(&p->server), start = stamp_now_ns();
	double seconds;

	all = (uint64_t)server_flood(&p->server, c->size, c->terms->seconds) *
	    c->subscribers;
	settle(p, before + all);
	cpu = server_cpu_ns(&p->server) - cpu;
	seconds = (double)(load_last_ns(&p->load) - start) / 1e9;
	figure_add(&p->cpu_us, (double)cpu / 1e3 / (double)all);
	figure_add(&p->rate, (double)all / seconds);
}

static void
print_head(const struct contest *c, const char *what)
{
	printf(
	    "%s, %u subscribers, %zu bytes\n", what, c->subscribers, c->size);
}

static void
print_paced(const struct contest *c)
{
	char what[32];

	snprintf(what, sizeof(what), "%d events/s", c->rate);
	print_head(c, what);
	printf("  %-10s %12s %7s %7s  %9s %9s %9s\n", "", "CPU/delivery",
	    "x bare", "spread", "p50 ms", "p99 ms", "max ms");
	for (int i = 0; i < c->npeers; i++) {
		const struct peer *p = &c->peers[i];

		printf("  %-10s %9.2f us %7.2f %6.0f%%  %9.2f %9.2f %9.2f\n",
		    p->server.name, figure_median(&p->cpu_us),
		    figure_ratio(&p->cpu_us, &c->peers[0].cpu_us),
		    figure_spread(&p->cpu_us),
		    (double)latency_at(&p->latency, .5) / 1e6,
		    (double)latency_at(&p->latency, .99) / 1e6,
		    (double)p->latency.max_ns / 1e6);
	}
	fflush(stdout);
}

static void
print_flood(const struct contest *c)
{
	print_head(c, "flat out");
	printf("  %-10s %12s %7s %7s  %14s %7s %8s\n", "", "CPU/delivery",
	    "x bare", "spread", "deliveries/s", "x bare", "x nchan");
	for (int i = 0; i < c->npeers; i++) {
		const struct peer *p = &c->peers[i];

		printf("  %-10s %9.2f us %7.2f %6.0f%%  %14.0f %7.2f",
		    p->server.name, figure_median(&p->cpu_us),
		    figure_ratio(&p->cpu_us, &c->peers[0].cpu_us),
		    figure_spread(&p->cpu_us), figure_median(&p->rate),
		    figure_ratio(&p->rate, &c->peers[0].rate));
		if (c->npeers == 3)
			printf(" %8.2f",
			    figure_ratio(&p->rate, &c->peers[2].rate));
		putchar('\n');
	}
	fflush(stdout);
}

static void
compete(
    const struct terms *terms, unsigned int subscribers, int rate, size_t size)
{
	static const char *const live[] = { "-w", "1", NULL };
	/* Whoever is slow holds the source, so that nobody has a gap. */
	static const char *const all[] = { "-w", "1", "--lag", "wait", NULL };
	static struct contest c;

	memset(&c, 0, sizeof(c));
	c.terms = terms;
	c.subscribers = subscribers;
	c.rate = rate;
	c.size = size;
	open_peers(&c, rate == 0 ? all : live);
	for (int round = 0; round < terms->rounds; round++)
		for (int i = 0; i < c.npeers; i++)
			if (rate == 0)
				flood(&c, &c.peers[i]);
			else
				pace(&c, &c.peers[i]);
	if (rate == 0)
		print_flood(&c);
	else
		print_paced(&c);
	close_peers(&c);
}

int
main(int argc, char **argv)
{
	static const size_t sizes[] = { 100, 1000 };
	struct terms terms = { ".", 5, "1000,10000", 1. };
	char *all, *list, *s;

	terms_read(&terms, "dnst", argc, argv);
	printf(
	    "%d rounds of %g s each, taking turns; medians, and ratios within "
	    "a round; spread: of the middle half\n",
	    terms.rounds, terms.seconds);
	/* Unloaded: what an event takes from a pipe to its one reader. */
	compete(&terms, 1, 100, 100);
	if ((list = all = strdup(terms.subscribers)) == NULL)
		err(EX_SOFTWARE, NULL);
	while ((s = strsep(&list, ",")) != NULL)
		for (size_t i = 0; i < 2; i++) {
			unsigned int n = (unsigned int)number_count(
			    s, NUMBER_MAX);

			compete(&terms, n, 10, sizes[i]);
			compete(&terms, n, 0, sizes[i]);
		}
	free(all);
	return 0;
}
