#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "interrupt.h"

/* A handler has nothing else to reach them by. */
static volatile sig_atomic_t noted;
static volatile sig_atomic_t woken[NSIG];
static int ends[2] = { -1, -1 };

static void
note(int sig)
{
	int saved = errno;

	if (noted == 0)
		noted = sig;
	/* A full pipe says it already. */
	(void)!write(ends[1], "", 1);
	errno = saved;
}

static void
take(int sig)
{
	struct sigaction sa = { .sa_handler = note }, old;

	sigemptyset(&sa.sa_mask);
	/* No SA_RESTART: a write that a stalled reader holds up must end. */
	sa.sa_flags = (int)SA_RESETHAND;
	if (sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
		return;
	if (sigaction(sig, &sa, NULL) == -1)
		err(EX_SOFTWARE, "sigaction");
}

void
interrupt_catch(void)
{
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		err(EX_SOFTWARE, "pipe");
	take(SIGINT);
	take(SIGTERM);
}

int
interrupt_signal(void)
{
	return noted;
}

int
interrupt_fd(void)
{
	return ends[0];
}

static void
wake(int sig)
{
	int saved = errno;

	woken[sig] = 1;
	(void)!write(ends[1], "", 1);
	errno = saved;
}

void
interrupt_watch(int sig)
{
	struct sigaction sa = { .sa_handler = wake, .sa_flags = SA_RESTART };

	sigemptyset(&sa.sa_mask);
	if (sigaction(sig, &sa, NULL) == -1)
		err(EX_SOFTWARE, "sigaction");
}

bool
interrupt_woken(int sig)
{
	char bytes[64];
	bool was;

	while (read(ends[0], bytes, sizeof(bytes)) > 0)
		;
	was = woken[sig] != 0;
	woken[sig] = 0;
	return was;
}

void
interrupt_die(void)
{
	int sig = noted;
	sigset_t set;

	(void)signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(sig);
	_exit(128 + sig);
}
