/* sse-tail(1): read an event stream the way curl reads a page. */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "options.h"
#include "stdout.h"
#include "tail.h"
#include "visible.h"

/* The file of -o takes the place of standard output. */
static void
open_output(const char *path)
{
	int fd;

	if (path == NULL || strcmp(path, "-") == 0)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1 || dup2(fd, STDOUT_FILENO) == -1)
		err(EX_CANTCREAT, "%s", path);
	(void)close(fd);
	stdout_is(path);
}

/* Colours are for a terminal that has some, unless asked for. */
static void
set_terminal(const struct options *o)
{
	bool terminal = isatty(STDOUT_FILENO) == 1;
	static const char kind[] = "TERM";
	const char *none = getenv("NO_COLOR"), *term = getenv(kind);
	bool able = (none == NULL || *none == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0;

	output_set_terminal(o->output, terminal && o->exec == NULL);
	output_set_color(o->output,
	    o->exec == NULL &&
		(o->color == COLOR_ALWAYS ||
		    (o->color == COLOR_AUTO && terminal && able)));
}

int
main(int argc, char **argv)
{
	struct options o;
	int status;

	stdout_open();
	visible_locale();
	tzset();
	options_read(&o, argc, argv);
	open_output(o.file);
	set_terminal(&o);
	interrupt_catch();
	status = tail_run(&o);
	options_free(&o);
	/* Some file systems tell of a full disk only now. */
	if (close(STDOUT_FILENO) == -1)
		err(EX_IOERR, "%s", stdout_name());
	return status;
}
