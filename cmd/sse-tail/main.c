/* sse-tail(1): read an event stream the way curl reads a page. */
#include <err.h>
#include <fcntl.h>
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
	output_set_terminal(o.output, isatty(STDOUT_FILENO) == 1);
	interrupt_catch();
	status = tail_run(&o);
	options_free(&o);
	/* Some file systems tell of a full disk only now. */
	if (close(STDOUT_FILENO) == -1)
		err(EX_IOERR, "standard output");
	return status;
}
