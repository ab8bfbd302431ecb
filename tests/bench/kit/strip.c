#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "strip.h"

#define READ_BYTES ((size_t)128 << 10)

static const char field[] = "data: ";

static int
ask(const char *url)
{
	const char *port = strrchr(url, ':') + 1, *path = strchr(port, '/');
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((in_port_t)strtoul(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 ||
	    connect(fd, (const struct sockaddr *)&in, sizeof(in)) == -1 ||
	    dprintf(fd, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path) < 0)
		err(EX_UNAVAILABLE, "source");
	return fd;
}

static void
write_all(const char *p, size_t len)
{
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = write(STDOUT_FILENO, p, len)) <= 0)
			err(EX_IOERR, "standard output");
}

/* Write what the whole lines of len bytes have; how many bytes those are. */
static size_t
write_data(const char *p, size_t len)
{
	static char out[READ_BYTES];
	const char *line = p, *end = p + len, *lf;
	size_t n = 0;

	while ((lf = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		size_t take = (size_t)(lf + 1 - line), skip = sizeof(field) - 1;

		if (take > skip && memcmp(line, field, skip) == 0) {
			memcpy(out + n, line + skip, take - skip);
			n += take - skip;
		}
		line = lf + 1;
	}
	write_all(out, n);
	return (size_t)(line - p);
}

void
strip(const char *url)
{
	static char buf[READ_BYTES];
	int fd = ask(url);
	size_t held = 0, used;
	ssize_t n;

	while ((n = recv(fd, buf + held, sizeof(buf) - held, 0)) > 0) {
		held += (size_t)n;
		used = write_data(buf, held);
		memmove(buf, buf + used, held -= used);
	}
	(void)close(fd);
}
