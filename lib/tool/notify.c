#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "notify.h"

void
notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = path == NULL ? 0 : strlen(path);
	int fd;

	if (len < 2 || len > sizeof(un.sun_path) ||
	    (*path != '/' && *path != '@'))
		return;
	memcpy(un.sun_path, path, len);
	/* A name without a file begins with NUL and is as long as it is. */
	if (*path == '@')
		un.sun_path[0] = '\0';
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const void *)&un,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

static int64_t
number(const char *name)
{
	const char *text = getenv(name), *errstr;
	int64_t n;

	if (text == NULL)
		return 0;
	n = strtonum(text, 1, INT64_MAX / 2, &errstr);
	return errstr == NULL ? n : 0;
}

int64_t
notify_watchdog_ms(void)
{
	/* It may be meant for the process that started us. */
	if (getenv("WATCHDOG_PID") != NULL &&
	    number("WATCHDOG_PID") != (int64_t)getpid())
		return 0;
	return number("WATCHDOG_USEC") / 1000;
}

const char *
notify_reloading(char buf[static NOTIFY_LEN])
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(buf, NOTIFY_LEN, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	return buf;
}
