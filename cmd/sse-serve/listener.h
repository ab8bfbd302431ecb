/*
 * Listening sockets, opened and closed.  Blocking name look-ups and all, so for
 * the time before the loop runs.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "listener_addr.h"

/* One listening socket: non-blocking, close-on-exec. */
struct listener {
	int fd;
	bool admin;
	bool is_unix;
	bool passed; /* another has it too: it goes on listening */
	char *url;   /* owned: "http://127.0.0.1:8080" or "unix:/path" */
	char *path;  /* owned: the Unix socket made here; else NULL */
	dev_t dev;   /* which file that was */
	ino_t ino;
};

struct listeners {
	struct listener *v;
	size_t n;
};

#define LISTENER_FAULT_MAX 512

struct listener_how {
	bool admin;      /* addresses other than loopback are refused */
	bool share_port; /* with other processes of this user that do so too */
	mode_t mode;     /* of a Unix socket */
};

/*
 * Open the sockets a stands for and append them to ls.  A Unix socket that
 * nobody answers on is replaced.  LISTENER_PORT with port 0 has one number on
 * both addresses; without IPv6 there is IPv4 alone.
 *
 * Returns 0, or an exit status with fault set to one line that names address
 * and remedy: EX_USAGE (not loopback), EX_UNAVAILABLE (in use, or no such host
 * or address), EX_NOPERM (a port below 1024), EX_CANTCREAT (a Unix socket's
 * path), EX_SOFTWARE (memory).  ls then holds what it held before.
 */
int listener_open(struct listeners *ls, const struct listener_addr *a,
    const struct listener_how *how, char fault[static LISTENER_FAULT_MAX]);

/*
 * Take over fd, a socket that listens already, and append it to ls; who names
 * it in a fault.  It is closed in the end, but a Unix socket's file stays, for
 * it is another's.  Returns as listener_open(): EX_USAGE when it is no stream
 * socket that listens on TCP or a Unix socket, or admin and not loopback;
 * EX_SOFTWARE.
 */
int listener_adopt(struct listeners *ls, int fd, bool admin, const char *who,
    char fault[static LISTENER_FAULT_MAX]);

/*
 * Close all and unlink the Unix sockets that were made here and still are the
 * same.  ls is then empty.
 */
void listener_close(struct listeners *ls);

#endif
