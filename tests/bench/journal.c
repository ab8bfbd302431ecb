/*
 * What the journal costs: POSTs a second over 1, 16 and 64 connections that
 * each await their answer, and lines a second from a pipe, without a journal and
 * with each --fsync, beside a bare loop of write and fdatasync on the same disk.
 * Nobody reads.  The settings take turns; medians of the rounds.
 *
 * usage: journal [-d directory] [-n rounds] [-s seconds]
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "kit/figures.h"
#include "kit/server.h"
#include "kit/stamp.h"

#define BYTES 100 /* of an event's data */
#define CONNECTIONS_MAX 64

static const struct {
	const char *name, *when; /* NULL: no journal */
} settings[] = {
	{ "no journal", NULL },
	{ "--fsync never", "never" },
	{ "--fsync 1s", "1s" },
	{ "--fsync always", "always" },
};

static const int widths[] = { 1, 16, 64 };

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))
#define WIDTHS (sizeof(widths) / sizeof(widths[0]))

static struct {
	struct figure posts[WIDTHS], lines, cpu_us;
} figures[SETTINGS];
static struct figure bare;

static void
start(struct server *s, size_t setting, const char *path)
{
	const char *options[] = { "--open-publish", "-n", "1000", "--journal",
		path, "--fsync", settings[setting].when, NULL };

	(void)unlink(path);
	if (settings[setting].when == NULL)
		options[3] = NULL;
	server_sse(s, options);
}

static int
dial(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		err(EX_UNAVAILABLE, "connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void
send_post(int fd)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
	    "POST /events/a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
	    "%0*d",
	    BYTES, BYTES, 0);

	if (write(fd, text, (size_t)len) != len)
		err(EX_IOERR, "post");
}

/* An answer comes in one piece; each is followed by the next post. */
static void
take_answer(int fd)
{
	char text[1024];
	ssize_t n = read(fd, text, sizeof(text));

	if (n < 12 || memcmp(text + 9, "200", 3) != 0)
		errx(EX_PROTOCOL, "a post was not answered by 200");
}

/* Posts a second, over as many connections. */
static double
post_for(uint16_t port, int width, double seconds)
{
	struct epoll_event ready[CONNECTIONS_MAX];
	int fds[CONNECTIONS_MAX], ep = epoll_create1(EPOLL_CLOEXEC);
	double begun, end;
	long done = 0;

	for (int i = 0; i < width; i++) {
		struct epoll_event e = { .events = EPOLLIN };

		e.data.fd = fds[i] = dial(port);
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e) == -1)
			err(EX_OSERR, "epoll");
	}
	begun = stamp_now_s();
	end = begun + seconds;
	for (int i = 0; i < width; i++)
		send_post(fds[i]);
	while (stamp_now_s() < end) {
		int n = epoll_wait(ep, ready, CONNECTIONS_MAX, 1000);

		for (int i = 0; i < n; i++, done++) {
			take_answer(ready[i].data.fd);
			send_post(ready[i].data.fd);
		}
	}
	end = stamp_now_s();
	for (int i = 0; i < width; i++)
		close(fds[i]);
	close(ep);
	return (double)done / (end - begun);
}

static void
measure(size_t setting, const char *path, double seconds)
{
	struct server s;
	uint64_t cpu;
	uint32_t lines;

	start(&s, setting, path);
	for (size_t i = 0; i < WIDTHS; i++)
		figure_add(&figures[setting].posts[i],
		    post_for(s.port, widths[i], seconds));
	server_stop(&s);
	start(&s, setting, path);
	cpu = server_cpu_ns(&s);
	lines = server_flood(&s, BYTES, seconds);
	cpu = server_cpu_ns(&s) - cpu;
	figure_add(&figures[setting].lines, (double)lines / seconds);
	figure_add(&figures[setting].cpu_us, (double)cpu / 1e3 / (double)lines);
	server_stop(&s);
	(void)unlink(path);
}

/* Writes of one event, each synced. */
static void
measure_bare(const char *path, double seconds)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char block[BYTES + 50] = "";
	double begun = stamp_now_s();
	long n = 0;

	if (fd == -1)
		err(EX_CANTCREAT, "%s", path);
	for (; stamp_now_s() < begun + seconds; n++)
		if (write(fd, block, sizeof(block)) == -1 ||
		    fdatasync(fd) == -1)
			err(EX_IOERR, "%s", path);
	figure_add(&bare, (double)n / (stamp_now_s() - begun));
	close(fd);
	(void)unlink(path);
}

static void
report(void)
{
	printf("%-16s %10s %10s %10s %12s %8s\n", "", "POST/s, 1", "16", "64",
	    "lines/s", "us each");
	for (size_t i = 0; i < SETTINGS; i++)
		printf("%-16s %10.0f %10.0f %10.0f %12.0f %8.2f\n",
		    settings[i].name, figure_median(&figures[i].posts[0]),
		    figure_median(&figures[i].posts[1]),
		    figure_median(&figures[i].posts[2]),
		    figure_median(&figures[i].lines),
		    figure_median(&figures[i].cpu_us));
	printf("write and fdatasync of one event in a loop: %.0f/s\n",
	    figure_median(&bare));
}

int
main(int argc, char **argv)
{
	const char *dir = ".";
	double seconds = 1;
	int ch, rounds = 3;
	char *path;

	while ((ch = getopt(argc, argv, "d:n:s:")) != -1) {
		switch (ch) {
		case 'd':
			dir = optarg;
			break;
		case 'n':
			rounds = (int)strtonum(optarg, 1, ROUNDS_MAX, NULL);
			break;
		case 's':
			seconds = (double)strtonum(optarg, 1, 100, NULL);
			break;
		default:
			errx(EX_USAGE,
			    "usage: journal [-d directory] "
			    "[-n rounds] [-s seconds]");
		}
	}
	if (asprintf(&path, "%s/journal", dir) == -1)
		err(EX_SOFTWARE, NULL);
	for (int i = 0; i < rounds; i++) {
		for (size_t j = 0; j < SETTINGS; j++)
			measure(j, path, seconds);
		measure_bare(path, seconds);
	}
	report();
	free(path);
	return 0;
}
