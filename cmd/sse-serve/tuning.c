#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tuning.h"

#define PROBES 4
#define IDLE_MAX_S 60 /* without --stall-timeout, or a long one */

static void
set(int fd, int level, int name, int64_t value)
{
	int v = value > INT32_MAX ? INT32_MAX : (int)value;

	(void)setsockopt(fd, level, name, &v, sizeof(v));
}

static void
bound_buffer(int fd, const struct conf *conf)
{
	/* The kernel doubles it, for what it needs besides. */
	if (conf->send_buffer > 0)
		set(fd, SOL_SOCKET, SO_SNDBUF, (int64_t)conf->send_buffer);
}

void
tuning_unix(int fd, const struct conf *conf)
{
	bound_buffer(fd, conf);
}

void
tuning_listen(int fd, const struct conf *conf)
{
	int64_t idle_s = conf->stall_ms / 1000;

	if (idle_s == 0 || idle_s > IDLE_MAX_S)
		idle_s = conf->stall_ms > 0 && idle_s == 0 ? 1 : IDLE_MAX_S;
	bound_buffer(fd, conf);
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, (idle_s + PROBES - 1) / PROBES);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
	/* Later than we, who count it, when the peer lives and reads not. */
	if (conf->stall_ms > 0)
		set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, conf->stall_ms * 3 / 2);
}
