#include <err.h>
#include <errno.h>
#include <sysexits.h>
#include <unistd.h>

#include "interrupt.h"
#include "stdout.h"
#include "units.h"
#include "watch.h"

/* A file has no reader that could go. */
static bool
watches(struct multi *m, struct pollfd *p)
{
	return p->fd == -1 || multi_watch(m, p) == 0 || errno == EPERM;
}

void
watch_begin(struct watch *w, bool urls, bool reader)
{
	int in = urls ? -1 : STDIN_FILENO, out = reader ? STDOUT_FILENO : -1;

	w->multi = NULL;
	w->fds[WATCH_SIGNAL] = (struct pollfd){ interrupt_fd(), POLLIN, 0 };
	w->fds[WATCH_READER] = (struct pollfd){ out, 0, 0 };
	w->fds[WATCH_INPUT] = (struct pollfd){ in, POLLIN, 0 };
	if (!urls)
		return;
	if ((w->multi = multi_new()) == NULL)
		err(EX_SOFTWARE, NULL);
	if (!watches(w->multi, &w->fds[WATCH_SIGNAL]) ||
	    !watches(w->multi, &w->fds[WATCH_READER]))
		err(EX_SOFTWARE, "epoll");
}

void
watch_free(struct watch *w)
{
	multi_free(w->multi);
}

void
watch_others(void *arg, struct pollfd *others, unsigned int n, int timeout_ms)
{
	struct watch *w = arg;

	if (w->multi == NULL) {
		if (poll(others, n, timeout_ms) <= 0)
			for (unsigned int i = 0; i < n; i++)
				others[i].revents = 0;
	} else if (multi_wait(w->multi, others, n, timeout_ms) == -1)
		err(EX_SOFTWARE, "epoll");
}

void
watch_wait(struct watch *w, int timeout_ms)
{
	if (w->multi == NULL)
		watch_others(w, w->fds, WATCH_MAX, timeout_ms);
	else
		watch_others(w, NULL, 0, timeout_ms);
}

bool
watch_reader_gone(const struct watch *w)
{
	return stdout_has_gone(w->fds[WATCH_READER].revents);
}

bool
watch_input_ready(const struct watch *w)
{
	return w->fds[WATCH_INPUT].revents != 0;
}

int64_t
watch_looked_ms(const struct watch *w)
{
	return w->multi != NULL ? multi_looked_ms(w->multi) : clock_mono_ms();
}
