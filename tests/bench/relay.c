/*
 * Relaying: from an event stream over HTTP into Redis, beside sse-pub with the
 * same events and with their data alone from a pipe, and beside a pipeline of
 * sse-tail and sse-pub; from Redis into an sse-serve by POST, beside what that
 * takes from sse-pub.  All take turns, and ratios are of one round.  What stands
 * behind in brackets is what the figure is to reach.
 *
 * usage: relay [-d directory] [-e events] [-n rounds]
 */
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "kit/figures.h"
#include "kit/redis.h"
#include "kit/server.h"
#include "kit/stamp.h"

/* A command line that is measured, and its figures. */
struct contender {
	const char *name;
	char *command;
	const char *watched; /* its metrics: over when it has taken all */
	struct figure rate;  /* events a second */
	struct figure cpu;   /* microseconds an event */
	long peak_kb;
};

enum { LINES, PIPE, RELAY, PIPELINE, POST, BACK, CONTENDERS };

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* What the relay at a Unix socket says that its sink has taken for good. */
static long
taken(const char *path)
{
	static const char ask[] = "GET /metrics HTTP/1.0\r\n\r\n";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char page[16384], *at, *late;
	size_t len = 0;
	ssize_t n = 0;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd == -1 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) == -1 ||
	    write(fd, ask, strlen(ask)) == -1)
		n = -1;
	while (n != -1 && len < sizeof(page) - 1 &&
	    (n = read(fd, page + len, sizeof(page) - 1 - len)) > 0)
		len += (size_t)n;
	if (fd != -1)
		close(fd);
	page[len] = '\0';
	at = strstr(page, "\nsse_relay_events_taken_total");
	late = strstr(page, "\nsse_relay_events_waiting");
	if (at == NULL || late == NULL)
		return 0;
	return strtol(strchr(at, '}') + 1, NULL, 10) -
	    strtol(strchr(late, '}') + 1, NULL, 10);
}

static void
run(struct contender *c, long events)
{
	double begun = stamp_now_s(), end;
	struct rusage u;
	int status;
	pid_t pid = fork();

	if (pid == -1)
		err(EX_OSERR, "fork");
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", c->command, (char *)NULL);
		_exit(127);
	}
	if (c->watched != NULL) {
		while (
		    taken(c->watched) < events && stamp_now_s() - begun < 120)
			nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
		end = stamp_now_s();
		kill(pid, SIGTERM);
		if (wait4(pid, &status, 0, &u) != pid || !WIFSIGNALED(status))
			errx(EX_SOFTWARE, "%s failed", c->name);
	} else {
		if (wait4(pid, &status, 0, &u) != pid || status != 0)
			errx(EX_SOFTWARE, "%s failed", c->name);
		end = stamp_now_s();
	}
	figure_add(&c->rate, (double)events / (end - begun));
	figure_add(&c->cpu,
	    1e6 * (seconds(u.ru_utime) + seconds(u.ru_stime)) / (double)events);
	if (u.ru_maxrss > c->peak_kb)
		c->peak_kb = u.ru_maxrss;
}

static char *__attribute__((format(printf, 1, 2))) format(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) == -1)
		err(EX_SOFTWARE, NULL);
	va_end(ap);
	return s;
}

/* The events, as lines of data and as an event stream. */
static void
write_events(const char *dir, long n)
{
	char *lines = format("%s/relay.lines", dir);
	char *stream = format("%s/relay.sse", dir);
	FILE *l = fopen(lines, "w"), *s = fopen(stream, "w");

	if (l == NULL || s == NULL)
		err(EX_CANTCREAT, "%s", dir);
	for (long i = 1; i <= n; i++) {
		fprintf(l, "event number %ld\n", i);
		fprintf(s, "id: n%ld\ndata: event number %ld\n\n", i, i);
	}
	if (fclose(l) != 0 || fclose(s) != 0)
		err(EX_IOERR, "%s", dir);
	free(lines);
	free(stream);
}

/*
 * A server that sends the stream as fast as it is taken, and that this was all:
 * who had to ask again, to be told 204, would have waited for a tenth of a
 * second before.
 */
static _Noreturn void
stream_all(int listener, const char *path)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Type: "
				 "text/event-stream\r\nConnection: close\r\n"
				 "\r\nretry: 1\n\n";
	static const char end[] = "event: sse:end\ndata: {}\n\n";
	static const char over[] = "HTTP/1.1 204 No Content\r\nConnection: "
				   "close\r\n\r\n";
	char head[4096], piece[65536];
	ssize_t n;

	for (;;) {
		int fd = accept(listener, NULL, NULL);
		FILE *f = fopen(path, "r");

		if (fd == -1 || f == NULL ||
		    (n = read(fd, head, sizeof(head) - 1)) <= 0)
			_exit(EX_OSERR);
		head[n] = '\0';
		if (strstr(head, "Last-Event-ID") != NULL)
			(void)!write(fd, over, strlen(over));
		else {
			n = write(fd, ok, strlen(ok));
			while (n > 0 &&
			    (n = (ssize_t)fread(piece, 1, sizeof(piece), f)) >
				0)
				n = send(fd, piece, (size_t)n, MSG_NOSIGNAL);
			(void)!send(fd, end, strlen(end), MSG_NOSIGNAL);
		}
		fclose(f);
		close(fd);
	}
}

static pid_t
start_source(const char *path, int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	if (fd == -1 || bind(fd, (const void *)&a, len) == -1 ||
	    listen(fd, 8) == -1 || getsockname(fd, (void *)&a, &len) == -1)
		err(EX_OSERR, "source");
	*port = ntohs(a.sin_port);
	if ((pid = fork()) == 0)
		stream_all(fd, path);
	close(fd);
	return pid;
}

static void
set_up(struct contender *c, const char *dir, const char *redis, int source,
    int serve, long n)
{
	c[LINES].name = "sse-pub, data from a pipe, to Redis";
	c[LINES].command = format(
	    "exec build/sse-pub -r %s lines <%s/relay.lines", redis, dir);
	c[PIPE].name = "sse-pub -f sse, the same events from a pipe";
	c[PIPE].command = format(
	    "exec build/sse-pub -f sse -n %ld -r %s log <%s/relay.sse", n,
	    redis, dir);
	c[RELAY].name = "sse-relay, http to Redis";
	c[RELAY].command = format("exec build/sse-relay -q -N bench -r %s "
				  "http://127.0.0.1:%d/ redis:copy",
	    redis, source);
	c[PIPELINE].name = "sse-tail -f sse | sse-pub -f sse";
	c[PIPELINE].command = format(
	    "build/sse-tail -q -f sse http://127.0.0.1:%d/ | "
	    "build/sse-pub -f sse -r %s copy",
	    source, redis);
	c[POST].name = "sse-pub -f sse -u, the sink alone";
	c[POST].command = format(
	    "exec build/sse-pub -f sse -u http://127.0.0.1:%d bench "
	    "<%s/relay.sse",
	    serve, dir);
	c[BACK].name = "sse-relay, Redis to http";
	c[BACK].command = format(
	    "exec build/sse-relay -q --from start -r %s --metrics "
	    "unix:%s/relay.sock redis:log http://127.0.0.1:%d/events/back",
	    redis, dir, serve);
	c[BACK].watched = format("%s/relay.sock", dir);
}

/* What one round leaves behind would change the next. */
static void
clear(const struct redis *r, const char *keys)
{
	char *command = format(
	    "redis-cli -p %d DEL %s >/dev/null", r->port, keys);

	if (system(command) != 0)
		errx(EX_SOFTWARE, "%s", command);
	free(command);
}

static void
tell(const struct contender *c, const struct contender *base, const char *goal)
{
	printf("%-46s %8.0f events/s  %5.2f us of CPU", c->name,
	    figure_median(&c->rate), figure_median(&c->cpu));
	if (base != NULL)
		printf("  x %.2f, CPU x %.2f",
		    figure_ratio(&c->rate, &base->rate),
		    figure_ratio(&c->cpu, &base->cpu));
	printf("  +-%.0f %%  %.1f MB%s\n", figure_spread(&c->rate) / 2,
	    (double)c->peak_kb / 1024, goal);
}

static void
tell_all(const struct contender *c)
{
	tell(&c[LINES], NULL, "");
	tell(&c[PIPE], NULL, "");
	tell(&c[RELAY], &c[LINES], "  (beside the data; at least x 0.70)");
	tell(&c[RELAY], &c[PIPE], "  (beside the same events)");
	tell(&c[PIPELINE], NULL, "");
	tell(&c[RELAY], &c[PIPELINE], "  (beside the pipeline)");
	tell(&c[POST], NULL, "");
	tell(&c[BACK], &c[POST], "  (beside the sink alone; at least x 0.50)");
}

int
main(int argc, char **argv)
{
	static const char *const options[] = { "-w", "1", "--open-publish",
		NULL };
	struct contender c[CONTENDERS] = { { .name = NULL } };
	const char *dir = "build/bench-data";
	long events = 300000;
	int rounds = 5, opt, port;
	struct server serve;
	struct redis r;
	char *stream;
	pid_t source;

	while ((opt = getopt(argc, argv, "d:e:n:")) != -1) {
		if (opt == 'd')
			dir = optarg;
		else if (opt == 'e')
			events = strtol(optarg, NULL, 10);
		else if (opt == 'n')
			rounds = (int)strtol(optarg, NULL, 10);
		else
			errx(EX_USAGE,
			    "usage: relay [-d dir] [-e events] [-n rounds]");
	}
	if (rounds < 1 || rounds > ROUNDS_MAX - 1 || events < 1000)
		errx(EX_USAGE, "rounds or events are out of bounds");
	printf("%ld short events with IDs; the median of %d rounds, in which "
	       "all took turns.\n",
	    events, rounds);
	write_events(dir, events);
	stream = format("%s/relay.sse", dir);
	redis_start(&r);
	server_sse(&serve, options);
	source = start_source(stream, &port);
	set_up(c, dir, r.url, port, serve.port, events);
	for (int i = -1; i < rounds; i++)
		for (int k = 0; k < CONTENDERS; k++) {
			clear(&r, "sse:relay:bench sse:log:copy sse:log:lines");
			if (k == PIPE)
				clear(&r, "sse:log:log");
			run(&c[k], events);
			if (i == -1) /* to warm up */
				c[k].rate.n = c[k].cpu.n = 0;
		}
	tell_all(c);
	kill(source, SIGTERM);
	waitpid(source, NULL, 0);
	server_stop(&serve);
	redis_stop(&r);
	for (int k = 0; k < CONTENDERS; k++)
		free(c[k].command);
	free(stream);
	return 0;
}
