/*
 * What a second worker carries: the time from an event's publication until the
 * server has handed it to the kernel for all subscribers, who are stopped
 * meanwhile so that the cores are the server's; then they go on, and check
 * what came, and in what order.
 *
 * usage: workers [-d directory] [-n events] [-s subscribers]
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "kit/figures.h"
#include "kit/load.h"
#include "kit/number.h"
#include "kit/server.h"
#include "kit/stamp.h"

#define SIZE 100
#define QUIET_NS 20000000 /* so long without work: it is done */

struct contestant {
	struct server server;
	struct load load;
	struct figure rate; /* deliveries a second */
};

static void
signal_load(const struct load *l, int number)
{
	for (unsigned int i = 0; i < l->nprocesses; i++)
		kill(l->pids[i], number);
}

/* When it last did anything, as far as its CPU time tells. */
static uint64_t
await_quiet(const struct server *s)
{
	uint64_t cpu = server_cpu_ns(s), at = stamp_now_ns();

	for (;;) {
		uint64_t now_cpu, now;

		usleep(200);
		now_cpu = server_cpu_ns(s);
		now = stamp_now_ns();
		if (now_cpu != cpu) {
			cpu = now_cpu;
			at = now;
		} else if (now - at > QUIET_NS)
			return at;
	}
}

static void
measure(struct contestant *c)
{
	uint64_t due = load_delivered(&c->load) + c->load.n, start, end;

	signal_load(&c->load, SIGSTOP);
	start = stamp_now_ns();
	server_publish(&c->server, SIZE);
	end = await_quiet(&c->server);
	signal_load(&c->load, SIGCONT);
	if (!load_await(&c->load, due, 30) || load_faults(&c->load) > 0)
		errx(EX_SOFTWARE, "events were lost or out of order");
	figure_add(&c->rate, c->load.n / ((double)(end - start) / 1e9));
}

int
main(int argc, char **argv)
{
	static const char *const options[2][3] = { { "-w", "1", NULL },
		{ "-w", "2", NULL } };
	static struct contestant c[2];
	unsigned int n = 15000;
	int events = 15, ch;

	while ((ch = getopt(argc, argv, "d:n:s:")) != -1) {
		switch (ch) {
		case 'd':
			break; /* nothing is written */
		case 'n':
			events = number_count(optarg, NUMBER_MAX);
			break;
		case 's':
			n = (unsigned int)number_count(optarg, NUMBER_MAX);
			break;
		default:
			return EX_USAGE;
		}
	}
	for (int i = 0; i < 2; i++) {
		server_sse(&c[i].server, options[i]);
		load_start(&c[i].load,
		    &(struct load_wish){ .port = c[i].server.port,
			.path = c[i].server.path,
			.n = n });
	}
	for (int i = 0; i < events; i++) {
		measure(&c[0]);
		measure(&c[1]);
	}
	printf("deliveries/s of one event at a time to %u subscribers\n", n);
	for (int i = 0; i < 2; i++) {
		printf("  %d workers %10.0f, %.2f x one, spread %.0f%%\n",
		    i + 1, figure_median(&c[i].rate),
		    figure_ratio(&c[i].rate, &c[0].rate),
		    figure_spread(&c[i].rate));
		load_stop(&c[i].load);
		server_stop(&c[i].server);
	}
	return 0;
}
