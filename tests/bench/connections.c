/*
 * What a connection costs: memory while idle, CPU to be accepted and answered,
 * and whether those that read other channels cost an event anything.
 *
 * usage: connections [-d directory] [-n rounds] [-s connections]
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

struct conf {
	const char *dir;
	int rounds;
	unsigned int n;
};

static const char *const one_worker[] = { "-w", "1", NULL };

static int
open_peers(struct server *peers, const struct conf *conf)
{
	server_bare(&peers[0]);
	server_sse(&peers[1], one_worker);
	return server_nchan(&peers[2], conf->dir, "") ? 3 : 2;
}

static void
open_load(
    struct load *l, const struct server *s, const char *path, unsigned int n)
{
	struct load_wish wish = {
		.port = s->port, .path = path == NULL ? s->path : path, .n = n
	};

	load_start(l, &wish);
}

/* Wait until it has nothing more to do: who left has been seen off. */
static void
await_idle(const struct server *s)
{
	uint64_t before, now = server_cpu_ns(s);

	do {
		before = now;
		usleep(100000);
		now = server_cpu_ns(s);
	} while (now - before > 2000000);
}

/*
 * Bytes a connection, of conf->n that come after others did, so that what is
 * needed but once is not counted.
 */
static double
idle_bytes(const struct server *s, const char *path, unsigned int n)
{
	struct load first, l;
	uint64_t before;
	double bytes;

	open_load(&first, s, path, n / 4);
	before = server_rss(s);
	open_load(&l, s, path, n);
	bytes = (double)(server_rss(s) - before) / n;
	load_stop(&l);
	load_stop(&first);
	return bytes;
}

static void
measure_memory(const struct conf *conf)
{
	struct server peers[PEERS_MAX];
	int n = open_peers(peers, conf);

	printf("memory of an idle connection on one channel, of %u\n", conf->n);
	for (int i = 0; i < n; i++) {
		printf("  %-10s %8.0f bytes\n", peers[i].name,
		    idle_bytes(&peers[i], NULL, conf->n));
		server_stop(&peers[i]);
	}
	fflush(stdout);
}

/* /events/news,c1,c2... */
static void
path_of(char *path, size_t size, unsigned int channels)
{
	int at = snprintf(path, size, "/events/news");

	for (unsigned int i = 1; i < channels; i++)
		at += snprintf(path + at, size - (size_t)at, ",c%u", i);
}

static void
measure_channels(const struct conf *conf)
{
	static const unsigned int counts[] = { 1, 2, 3, 9, 33 };
	double first = 0.;

	printf("memory of an idle connection of sse-serve by channels, of %u\n",
	    conf->n);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct server s;
		char path[512];
		double bytes;

		path_of(path, sizeof(path), counts[i]);
		server_sse(&s, one_worker);
		bytes = idle_bytes(&s, path, conf->n);
		printf("  %2u channels %8.0f bytes", counts[i], bytes);
		if (i == 0)
			first = bytes;
		else
			printf(", %.0f for each further",
			    (bytes - first) / (counts[i] - 1));
		putchar('\n');
		server_stop(&s);
	}
	fflush(stdout);
}

static void
measure_opening(const struct conf *conf)
{
	struct server peers[PEERS_MAX];
	struct figure cpu_us[PEERS_MAX] = { 0 };
	int n = open_peers(peers, conf);

	for (int round = 0; round < conf->rounds; round++)
		for (int i = 0; i < n; i++) {
			uint64_t cpu = server_cpu_ns(&peers[i]);
			struct load l;

			open_load(&l, &peers[i], NULL, conf->n);
			cpu = server_cpu_ns(&peers[i]) - cpu;
			figure_add(&cpu_us[i], (double)cpu / 1e3 / conf->n);
			load_stop(&l);
			await_idle(&peers[i]);
		}
	printf("CPU of a new connection, %u at once\n", conf->n);
	for (int i = 0; i < n; i++) {
		printf("  %-10s %8.2f us %7.2f x bare, spread %.0f%%\n",
		    peers[i].name, figure_median(&cpu_us[i]),
		    figure_ratio(&cpu_us[i], &cpu_us[0]),
		    figure_spread(&cpu_us[i]));
		server_stop(&peers[i]);
	}
	fflush(stdout);
}

/* CPU of one event that one connection reads. */
static double
event_us(struct server *s, const struct load *reader)
{
	uint64_t due = load_delivered(reader), cpu = server_cpu_ns(s);
	int n = 200;

	for (int i = 0; i < n; i++) {
		server_publish(s, 100);
		if (!load_await(reader, ++due, 10))
			errx(EX_SOFTWARE, "an event did not come");
	}
	return (double)(server_cpu_ns(s) - cpu) / 1e3 / n;
}

static void
measure_bystanders(const struct conf *conf)
{
	static const unsigned int counts[] = { 0, 1000, 19000 };
	struct server servers[3];
	struct load readers[3], others[3];
	struct figure cpu_us[3] = { 0 };

	for (int i = 0; i < 3; i++) {
		server_sse(&servers[i], one_worker);
		if (counts[i] > 0)
			open_load(&others[i], &servers[i], "/events/other",
			    counts[i]);
		open_load(&readers[i], &servers[i], NULL, 1);
	}
	for (int round = 0; round < conf->rounds; round++)
		for (int i = 0; i < 3; i++)
			figure_add(
			    &cpu_us[i], event_us(&servers[i], &readers[i]));
	printf("CPU of an event that one reads, by who else is connected\n");
	for (int i = 0; i < 3; i++) {
		printf("  %5u others %8.2f us %7.2f x alone, spread %.0f%%\n",
		    counts[i], figure_median(&cpu_us[i]),
		    figure_ratio(&cpu_us[i], &cpu_us[0]),
		    figure_spread(&cpu_us[i]));
		load_stop(&readers[i]);
		if (counts[i] > 0)
			load_stop(&others[i]);
		server_stop(&servers[i]);
	}
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct terms terms = { ".", 5, "10000", 0 };
	struct conf conf;

	terms_read(&terms, "dns", argc, argv);
	conf = (struct conf){ terms.dir, terms.rounds,
		(unsigned int)number_count(terms.subscribers, NUMBER_MAX) };
	measure_memory(&conf);
	measure_channels(&conf);
	measure_opening(&conf);
	measure_bystanders(&conf);
	return 0;
}
