/*
 * What stalled subscribers cost the others: a busy channel of sse-serve with
 * subscribers who read, before and after as many as you like join who read
 * nothing.  Told are the readers' latencies and the server's memory.
 *
 * usage: slow [-d directory] [-r readers] [-s stalled] [-t seconds]
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "kit/load.h"
#include "kit/number.h"
#include "kit/server.h"
#include "kit/stamp.h"

#define RATE 10 /* events a second */
#define SIZE 1000
#define FILL 3000 /* events that no socket's buffers hold */

struct conf {
	unsigned int readers, stalled;
	double seconds;
};

/* As many as RATE asks for within the time; then all have come. */
static void
pace(struct server *s, struct load *readers, double seconds)
{
	uint64_t due = load_delivered(readers);
	uint32_t n = server_pace(s, SIZE, RATE, seconds);

	if (!load_await(readers, due + (uint64_t)n * readers->n, 60) ||
	    load_faults(readers) > 0)
		errx(EX_SOFTWARE, "a reader has lost events");
}

/* Until those who do not read are behind for good. */
static void
fill(struct server *s, struct load *readers)
{
	uint64_t due = load_delivered(readers);

	for (int i = 0; i < FILL; i += 100) {
		for (int j = 0; j < 100; j++)
			server_publish(s, SIZE);
		if (!load_await(readers, due += UINT64_C(100) * readers->n, 60))
			errx(EX_SOFTWARE, "a reader has lost events");
	}
}

/* The 99th percentile, which is returned. */
static double
tell(struct server *s, struct load *readers, const char *when)
{
	static struct latency l;

	load_latency(readers, &l);
	printf("  %-14s p50 %6.2f ms  p99 %6.2f ms  max %6.2f ms  "
	       "memory %6.1f MiB\n",
	    when, (double)latency_at(&l, .5) / 1e6,
	    (double)latency_at(&l, .99) / 1e6, (double)l.max_ns / 1e6,
	    (double)server_rss(s) / 1048576);
	fflush(stdout);
	return (double)latency_at(&l, .99);
}

static void
measure(const struct conf *conf)
{
	static const char *const options[] = { "-w", "1", NULL };
	static struct latency forget;
	struct server s;
	struct load readers, stalled;
	double before, after;

	server_sse(&s, options);
	load_start(&readers,
	    &(struct load_wish){
		.port = s.port, .path = s.path, .n = conf->readers });
	pace(&s, &readers, 1);
	load_latency(&readers, &forget);
	pace(&s, &readers, conf->seconds);
	before = tell(&s, &readers, "before");
	load_start(&stalled,
	    &(struct load_wish){ .port = s.port,
		.path = s.path,
		.n = conf->stalled,
		.stall = true });
	fill(&s, &readers);
	load_latency(&readers, &forget);
	pace(&s, &readers, conf->seconds);
	after = tell(&s, &readers, "after");
	printf("  p99 %.2f x of before\n", after / before);
	load_stop(&stalled);
	load_stop(&readers);
	server_stop(&s);
}

int
main(int argc, char **argv)
{
	struct conf conf = { 1000, 10000, 4. };
	int ch;

	while ((ch = getopt(argc, argv, "d:r:s:t:")) != -1) {
		switch (ch) {
		case 'd':
			break; /* nothing is written */
		case 'r':
			conf.readers = (unsigned int)number_count(
			    optarg, NUMBER_MAX);
			break;
		case 's':
			conf.stalled = (unsigned int)number_count(
			    optarg, NUMBER_MAX);
			break;
		case 't':
			conf.seconds = number_seconds(optarg);
			break;
		default:
			return EX_USAGE;
		}
	}
	printf("%d events/s of %d bytes to %u readers; %u more who read "
	       "nothing\n",
	    RATE, SIZE, conf.readers, conf.stalled);
	measure(&conf);
	return 0;
}
