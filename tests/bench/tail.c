/*
 * sse-tail beside curl, curl with sed, node's eventsource, and a loop that does
 * the least a reader can, all of which read the same source and write into a
 * pipe that is read here.  They take turns; told are medians over the rounds
 * and ratios within a round.
 *
 *	throughput	small events as fast as TCP takes them, and events that
 *			each come in a packet of their own
 *	latency		from the send() to the reader of the pipe, 100 events/s
 *	start		to the first event and the exit
 *	memory		with a long stream, with an event that is kept whole or
 *			dropped, and with a thousand URLs in one process
 *
 * usage: tail [-d directory] [-n rounds] [-s events]
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "kit/figures.h"
#include "kit/latency.h"
#include "kit/source.h"
#include "kit/stamp.h"
#include "kit/strip.h"

#define COMMAND_MAX 1024
#define STAMPED 55 /* events of a turn, of which the first are the start's */
#define STAMPED_FIRST 5
#define TURNS 10 /* of each reader in a round */

struct reader {
	const char *name;
	const char *command; /* for sh, with the URL in $URL; NULL: strip() */
	struct figure seconds, cpu, rss;
};

static struct reader readers[] = {
	{ .name = "curl", .command = "exec curl -sN $URL" },
	{ .name = "curl | sed",
	    .command = "curl -sN $URL | sed -n 's/^data: //p'" },
	{ .name = "sse-tail",
	    .command = "exec $BUILD/sse-tail --no-reconnect $URL" },
	{ .name = "sse-tail -f json",
	    .command = "exec $BUILD/sse-tail --no-reconnect -f json $URL" },
	{ .name = "node",
	    .command =
		"exec node -e 'const E = require(\"eventsource\");"
		"const e = new (E.EventSource ?? E)(process.env.URL);"
		"e.onmessage = (m) => process.stdout.write(m.data + \"\\n\");"
		"e.onerror = () => process.exit(0);'" },
	{ .name = "the least" },
};
enum { CURL, SED, TAIL, JSON, NODE, LEAST, READERS };

struct run {
	pid_t pid;
	int fd;
	uint64_t begun_ns;
};

static void
begin(struct run *r, const char *command, const char *url)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1)
		err(EX_OSERR, "pipe");
	r->begun_ns = stamp_now_ns();
	if ((r->pid = fork()) == -1)
		err(EX_OSERR, "fork");
	if (r->pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		if (command == NULL) {
			strip(url);
			_exit(0);
		}
		(void)setenv("URL", url, 1);
		(void)setenv("NODE_PATH", "/usr/share/nodejs", 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	(void)close(fds[1]);
	r->fd = fds[0];
}

static double
seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void
end(struct run *r, double *wall, struct rusage *use)
{
	int status;

	(void)close(r->fd);
	if (wait4(r->pid, &status, 0, use) == -1)
		err(EX_OSERR, "wait");
	*wall = (double)(stamp_now_ns() - r->begun_ns) / 1e9;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		errx(EX_SOFTWARE, "a reader failed: status %d", status);
}

/* Read to the end; how many bytes there were. */
static size_t
drain(int fd)
{
	static char buf[1 << 20];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		len += (size_t)n;
	return len;
}

static bool
installed(int i)
{
	return i != NODE ||
	    system("command -v node >/dev/null && "
		   "test -d /usr/share/nodejs/eventsource") == 0;
}

static void
forget(void)
{
	for (int i = 0; i < READERS; i++)
		readers[i].seconds.n = readers[i].cpu.n = readers[i].rss.n = 0;
}

static void
tell(int i)
{
	struct reader *r = &readers[i];

	printf("  %-17s %10.0f events/s  %5.2f of curl | sed  "
	       "%6.0f ns CPU/event  %5.2f of curl  %6.0f kB\n",
	    r->name, 1 / figure_median(&r->seconds),
	    1 / figure_ratio(&r->seconds, &readers[SED].seconds),
	    figure_median(&r->cpu) * 1e9,
	    figure_ratio(&r->cpu, &readers[CURL].cpu), figure_median(&r->rss));
}

static void
measure(struct reader *reader, const char *url, double events)
{
	struct rusage use;
	struct run r;
	double wall;

	begin(&r, reader->command, url);
	(void)drain(r.fd);
	end(&r, &wall, &use);
	figure_add(&reader->seconds, wall / events);
	figure_add(&reader->cpu,
	    (seconds_of(use.ru_utime) + seconds_of(use.ru_stime)) / events);
	figure_add(&reader->rss, (double)use.ru_maxrss);
}

static void
throughput(
    const struct source *s, const char *how, size_t size, size_t n, int rounds)
{
	char url[COMMAND_MAX];

	printf(
	    "%s: %zu events of %zu bytes (node: a hundredth)\n", how, n, size);
	forget();
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < READERS; i++) {
			size_t events = i == NODE ? n / 100 : n;

			if (!installed(i))
				continue;
			snprintf(url, sizeof(url),
			    "http://127.0.0.1:%u/%s/%zu/%zu", s->port, how,
			    size, events);
			measure(&readers[i], url, (double)events);
		}
	for (int i = 0; i < READERS; i++)
		if (readers[i].seconds.n > 0)
			tell(i);
}

/* Stamps at the end of lines, whatever stands before them. */
static void
read_stamps(int fd, struct latency *l)
{
	char line[256];
	FILE *f = fdopen(dup(fd), "r");
	int seen = 0;

	if (f == NULL)
		err(EX_OSERR, NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		uint64_t now = stamp_now_ns(), ns;
		size_t len = strcspn(line, "\n");
		uint32_t n;

		if (len >= STAMP_LEN &&
		    stamp_read(line + len - STAMP_LEN, &n, &ns) == 0 &&
		    seen++ >= STAMPED_FIRST)
			latency_add(l, now - ns);
	}
	(void)fclose(f);
}

static void
tell_latency(int i, const struct latency *l, const struct latency *curl)
{
	double p50 = (double)latency_at(l, .5),
	       p99 = (double)latency_at(l, .99);

	printf("  %-17s p50 %6.1f us  %5.2f of curl  p99 %6.1f us  %5.2f of "
	       "curl\n",
	    readers[i].name, p50 / 1e3, p50 / (double)latency_at(curl, .5),
	    p99 / 1e3, p99 / (double)latency_at(curl, .99));
}

/*
 * In short turns, for how fast the machine wakes a process changes within
 * seconds; and each reader comes first in turn, for that shows, too.
 */
static void
latency(const struct source *s, int rounds)
{
	static const int those[] = { CURL, TAIL, LEAST };
	const size_t n = sizeof(those) / sizeof(those[0]);
	struct latency *sums = calloc(n, sizeof(*sums));
	char url[COMMAND_MAX];

	if (sums == NULL)
		err(EX_OSERR, NULL);
	printf("latency: one event each 10 ms, %d turns of %d\n",
	    rounds * TURNS, STAMPED - STAMPED_FIRST);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/stamped/10/%d", s->port,
	    STAMPED);
	for (int turn = 0; turn < rounds * TURNS; turn++)
		for (size_t i = 0; i < n; i++) {
			size_t k = (i + (size_t)turn) % n;
			struct rusage use;
			struct run r;
			double wall;

			begin(&r, readers[those[k]].command, url);
			read_stamps(r.fd, &sums[k]);
			end(&r, &wall, &use);
		}
	for (size_t i = 0; i < n; i++)
		tell_latency(those[i], &sums[i], &sums[0]);
	free(sums);
}

static void
start(const struct source *s, int rounds)
{
	char url[COMMAND_MAX];

	printf("start: to the first event and the exit\n");
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/bulk/10/1", s->port);
	forget();
	for (int round = 0; round < rounds; round++)
		for (int i = CURL; i <= TAIL; i += TAIL - CURL) {
			struct rusage use;
			struct run r;
			double wall;

			begin(&r,
			    i == CURL ? "exec curl -s $URL"
				      : "exec $BUILD/sse-tail -n 1 $URL",
			    url);
			(void)drain(r.fd);
			end(&r, &wall, &use);
			figure_add(&readers[i].seconds, wall);
		}
	for (int i = CURL; i <= TAIL; i += TAIL - CURL)
		printf("  %-17s %5.2f ms  %5.2f of curl\n", readers[i].name,
		    figure_median(&readers[i].seconds) * 1e3,
		    figure_ratio(&readers[i].seconds, &readers[CURL].seconds));
}

#define TAIL_ONCE "exec $BUILD/sse-tail --no-reconnect "

/* Each once: what is told does not vary. */
static void
memory(const struct source *s)
{
	static const struct {
		const char *what, *command, *path;
		size_t bytes; /* that it writes */
	} cases[] = {
		{ "curl, 1 GB", "exec curl -sN $URL", "bulk/20/36000000",
		    1008000000 },
		{ "1 GB", TAIL_ONCE "$URL", "bulk/20/36000000", 756000000 },
		{ "one event of 32 MB, kept", TAIL_ONCE "--max-event 64m $URL",
		    "bulk/32000000/1", 32000001 },
		{ "one event of 32 MB, dropped",
		    TAIL_ONCE "-q --max-event 1m $URL", "bulk/32000000/1", 0 },
		{ "1,000 URLs at once, an event each 100 ms",
		    TAIL_ONCE "-f '{count}\n' $(yes $URL | head -n 1000) | "
			      "tail -n 1",
		    "stamped/100/20", sizeof("20000\n") - 1 },
	};

	printf("memory of sse-tail, and of curl\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char url[COMMAND_MAX];
		struct rusage use;
		struct run r;
		double wall;
		size_t len;

		snprintf(url, sizeof(url), "http://127.0.0.1:%u/%s", s->port,
		    cases[i].path);
		begin(&r, cases[i].command, url);
		len = drain(r.fd);
		end(&r, &wall, &use);
		if (len != cases[i].bytes)
			errx(EX_SOFTWARE, "%s: %zu bytes, not %zu",
			    cases[i].what, len, cases[i].bytes);
		printf("  %-44s %7ld kB  %5.1f s  %5.1f s CPU\n", cases[i].what,
		    use.ru_maxrss, wall,
		    seconds_of(use.ru_utime) + seconds_of(use.ru_stime));
	}
}

int
main(int argc, char **argv)
{
	size_t events = 5000000;
	struct source s;
	int rounds = 5, ch;

	while ((ch = getopt(argc, argv, "d:n:s:")) != -1) {
		switch (ch) {
		case 'd':
			break; /* nothing is written */
		case 'n':
			rounds = (int)strtol(optarg, NULL, 10);
			break;
		case 's':
			events = strtoul(optarg, NULL, 10);
			break;
		default:
			errx(EX_USAGE, "usage: tail [-n rounds] [-s events]");
		}
	}
	if (rounds < 1 || rounds > ROUNDS_MAX)
		errx(EX_USAGE, "1 to %d rounds", ROUNDS_MAX);
	(void)setenv("BUILD", "build", 0);
	source_start(&s);
	throughput(&s, "bulk", 20, events, rounds);
	throughput(&s, "live", 20, events / 5, rounds);
	latency(&s, rounds);
	start(&s, ROUNDS_MAX);
	memory(&s);
	source_stop(&s);
	return 0;
}
