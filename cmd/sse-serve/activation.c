#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "activation.h"

#define FIRST_FD 3
#define FDS_MAX 32

static int
take_one(struct listeners *ls, int fd, const char *name,
    char fault[static LISTENER_FAULT_MAX])
{
	char where[64];

	snprintf(
	    where, sizeof(where), "socket %.20s (descriptor %d)", name, fd);
	return listener_adopt(ls, fd, strcmp(name, "admin") == 0, where, fault);
}

int
activation_take(struct listeners *ls, char fault[static LISTENER_FAULT_MAX])
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	const char *all = getenv("LISTEN_FDNAMES"), *errstr = NULL;
	char *names, *rest, *name;
	int n = 0, status = 0;

	if (pid == NULL || fds == NULL ||
	    strtonum(pid, 1, INT32_MAX, &errstr) != getpid() || errstr != NULL)
		return 0;
	n = (int)strtonum(fds, 0, FDS_MAX, &errstr);
	if (errstr != NULL) {
		snprintf(fault, LISTENER_FAULT_MAX, "LISTEN_FDS is %s", errstr);
		return EX_USAGE;
	}
	if ((names = rest = strdup(all != NULL ? all : "")) == NULL) {
		snprintf(fault, LISTENER_FAULT_MAX, "out of memory");
		return EX_SOFTWARE;
	}
	for (int i = 0; i < n && status == 0; i++) {
		name = strsep(&rest, ":");
		status = take_one(
		    ls, FIRST_FD + i, name != NULL ? name : "", fault);
	}
	free(names);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return status;
}
